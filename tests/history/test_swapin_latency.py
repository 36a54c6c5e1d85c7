"""What a wake costs, from those that were seen: who counts as woken, and what a wake teaches."""

import pytest

from swap_exporter.grouping.grouping import by_name
from swap_exporter.history.activity_tracker import ActivityTracker
from swap_exporter.history.swapin_latency import HALF_LIFE, MIN_WAKES, SwapInLatency
from swap_exporter.history.work import FAULT_OF_A_WAKE
from swap_exporter.kernel.taskstats import TaskDelays
from swap_exporter.settings import Idle
from tests.making import MIB, entry, member, process, sample

PAGE = 4096
DISPLACED = 40 * MIB


class World:
    """Workers of a pool that sleep in swap, and what happens when some of them serve."""

    def __init__(self, count=3, entries=()):
        self.entries = dict(entries)
        self.watches, self.wakes = ActivityTracker(None), SwapInLatency()
        self.cpu = dict.fromkeys(range(10, 10 + count), 0.0)
        self.swap = dict.fromkeys(self.cpu, 0)
        self.pages = dict.fromkeys(self.cpu, 0)
        self.waited = dict.fromkeys(self.cpu, 0.0)
        self.faults = dict.fromkeys(self.cpu, 0)
        self.second = 1000
        self.see()
        self.sleep()

    def see(self, elapsed=15):
        self.second += elapsed
        readings = [
            process(
                pid,
                cpu=self.cpu[pid],
                user=0.0,
                swap=self.swap[pid],
                resident=MIB,
                timeslices=10,
                major_faults=self.faults[pid],
            )
            for pid in self.cpu
        ]
        taken = sample(self.second, readings)
        delays = {
            reading.identity: TaskDelays(
                self.pages[reading.pid], 0, round(self.waited[reading.pid] * 1e9), measured=True
            )
            for reading in readings
        }
        groups = by_name([member(reading, self.entries.get(reading.pid)) for reading in readings])
        self.wakes.observe(taken, self.watches.observe(taken, groups, {60.0}, 15.0, {}), delays)

    def sleep(self):
        """All are idle for long enough and are pushed out."""
        self.swap = dict.fromkeys(self.swap, DISPLACED)
        for _ in range(22):
            self.see()

    def wake(self, *pids, pages=1000, seconds=0.1, cpu=0.5, faults=0):
        for pid in pids:
            self.cpu[pid] += cpu
            self.swap[pid] -= pages * PAGE
            self.pages[pid] += pages
            self.waited[pid] += seconds
            self.faults[pid] += faults
        self.see()
        self.sleep()

    @property
    def cost(self):
        return self.wakes.cost()


def test_workers_that_wake_alone_teach_what_a_page_takes():
    world = World()
    for pid in (10, 11):
        world.wake(pid)
    assert world.cost.seconds_per_page is None
    world.wake(12)
    assert world.cost.seconds_per_page == pytest.approx(0.0001)


def test_faults_cost_cpu_time_too():
    world = World()
    for pid in (10, 11, 12):
        world.wake(pid, faults=500)
    assert world.cost.seconds_per_page == pytest.approx((0.1 + 500 * FAULT_OF_A_WAKE) / 1000)


def test_the_share_that_was_read_back_is_known_from_the_first_wake_on():
    world = World()
    assert world.cost.shares == {}
    world.wake(10, pages=1024)
    assert world.cost.shares["shop"] == pytest.approx(1024 * PAGE / DISPLACED)


def test_workers_that_wake_together_teach_a_figure_of_their_own():
    world = World()
    for pid in (10, 11, 12):
        world.wake(pid)
    alone = world.cost
    assert alone.seconds_per_page_together == alone.seconds_per_page
    world.wake(10, 11, 12, seconds=2.0)
    assert world.cost.seconds_per_page == alone.seconds_per_page
    assert world.cost.seconds_per_page_together == pytest.approx(2.0 / 3000)


@pytest.mark.parametrize(
    "how",
    [
        {"cpu": 0.0},
        {"pages": 63},
        {"seconds": 0.0},
        {"seconds": 1065.0},
    ],
    ids=["read back and did not serve", "too few pages", "no wait", "longer than time passed"],
)
def test_what_teaches_nothing(how):
    world = World()
    for pid in (10, 11, 12, 10, 11):
        world.wake(pid, **how)
    assert world.cost.seconds_per_page is None


def test_one_wild_wake_does_not_move_it():
    world = World()
    for pid in (10, 11, 12, 10):
        world.wake(pid)
    world.wake(11, seconds=3.0)
    assert world.cost.seconds_per_page == pytest.approx(0.0001)


def test_what_storage_does_now_counts_more_than_what_it_did():
    world = World()
    for pid in (10, 11, 12, 10):
        world.wake(pid)
    world.see(round(8 * HALF_LIFE))
    world.sleep()
    for pid in (10, 11, 12)[: MIN_WAKES - 1]:
        world.wake(pid, seconds=1.0)
    assert world.cost.seconds_per_page == pytest.approx(0.001)


def test_busy_workers_teach_nothing():
    world = World()
    for _ in range(5):
        world.cpu[10] += 0.5
        world.pages[10] += 1000
        world.waited[10] += 0.1
        world.see()
    assert len(world.wakes._alone) <= 1


def test_each_worker_is_idle_by_the_settings_of_its_own_entry():
    """Of one group: another entry of it that takes an hour to call a worker idle hides no wake."""
    world = World(count=4, entries={13: entry(idle=Idle(after=3600))})
    for pid in (10, 11, 12):
        world.wake(pid)
    assert world.cost.seconds_per_page == pytest.approx(0.0001)
