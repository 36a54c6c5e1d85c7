"""What the history makes of samples in a row: gaps, births, known groups, restarts."""

import pytest

from swap_exporter.details.details import Details
from swap_exporter.grouping.roles import Role
from swap_exporter.history.activity import Activity, activity
from swap_exporter.history.history import History
from swap_exporter.kernel.taskstats import TaskDelays
from swap_exporter.sampling.sample import CpuClock
from swap_exporter.settings import Configuration, Idle, Limits, Quiet
from tests.making import MIB, entry, grouping, host, instant, member, process, sample


def observe(history, at, members=(), of=None, delays=None):
    at = at if not isinstance(at, int | float) else instant(at)
    taken = sample(at, [each.process for each in members], of)
    return history.observe(taken, grouping(members), Details(delays=delays))


def watched(history, seconds, step=15, members=(), start=0):
    """Sample for so long; return the last observation."""
    observation = None
    for second in range(start, start + seconds + 1, step):
        observation = observe(history, second, members)
    return observation


def watch_of(observation, of):
    watches = {
        member.process.identity: watch
        for group in observation.activity.values()
        for member, watch in group.alive
    }
    return watches.get(of.process.identity)


def activity_of(observation, of):
    return activity(watch_of(observation, of), observation.sample.at, of.entry.idle)


def test_a_process_older_than_the_exporter_is_watched_from_the_first_sample():
    worker = member(process(start=1))
    history = History(Configuration())
    assert activity_of(watched(history, 285, members=[worker], start=1000), worker) is Activity.UNKNOWN
    assert activity_of(observe(history, 1300, [worker]), worker) is Activity.IDLE


def test_one_that_was_born_between_two_samples_is_watched_from_its_birth():
    history = History(Configuration())
    observe(history, 1000)
    worker = member(process(start=1005))
    observation = observe(history, 1015, [worker])
    assert watch_of(observation, worker).since == instant(1005)


def test_one_that_was_born_unseen_in_a_gap_is_watched_from_now():
    history = History(Configuration())
    observe(history, 1000)
    worker = member(process(start=1005))
    observation = observe(history, 4600, [worker])
    assert watch_of(observation, worker).since == instant(4600)


@pytest.mark.parametrize("others", [[], [member(process(11), group="old")]], ids=["alone", "of several"])
def test_one_that_changes_its_group_is_watched_on(others):
    worker = process(10)
    history = History(Configuration())
    observe(history, 1000, [member(worker, group="old"), *others])
    observation = observe(history, 1015, [member(worker, group="new"), *others])
    assert watch_of(observation, member(worker)).since == instant(1000)


@pytest.mark.parametrize(
    ("pause", "verdict"),
    [(120, Activity.IDLE), (121, Activity.UNKNOWN), (3600, Activity.UNKNOWN)],
    ids=["two windows", "more", "a missed hour"],
)
def test_a_gap_between_samples_starts_the_watch_anew(pause, verdict):
    worker = member(process())
    history = History(Configuration())
    watched(history, 300, members=[worker], start=1000)
    assert activity_of(observe(history, 1300 + pause, [worker]), worker) is verdict


def test_each_entry_has_its_own_gap():
    still = member(process(10), entry(idle=Idle(window=300)))
    restless = member(process(11), entry(idle=Idle(window=60)))
    history = History(Configuration())
    watched(history, 300, members=[still, restless], start=1000)
    observation = observe(history, 1500, [still, restless])
    assert activity_of(observation, still) is Activity.IDLE
    assert activity_of(observation, restless) is Activity.UNKNOWN
    assert observation.watching_since[300.0] == instant(1000)
    assert observation.watching_since[60.0] == instant(1500)


def test_a_suspended_machine_leaves_no_gap_and_adds_no_idleness():
    worker = member(process())
    history = History(Configuration())
    watched(history, 285, members=[worker], start=1000)
    observation = observe(history, instant(1290, suspended=36000), [worker])
    assert activity_of(observation, worker) is Activity.UNKNOWN
    observation = observe(history, instant(1300, suspended=36000), [worker])
    assert activity_of(observation, worker) is Activity.IDLE


def test_two_scrapers_give_the_verdict_of_one():
    worker = member(process(swap=90 * MIB))
    once, twice = History(Configuration()), History(Configuration())
    observation = watched(once, 300, members=[worker], start=1000)
    for second in range(1000, 1301, 15):
        observe(twice, second, [worker])
        both = observe(twice, second + 1.5, [worker])
    assert activity_of(observation, worker) is activity_of(both, worker) is Activity.IDLE


def test_an_ended_process_gives_its_last_counters_and_is_watched_no_more():
    alive, ended = process(cpu=1), process(cpu=3, state="Z")
    history = History(Configuration())
    observe(history, 1000, [member(alive)])
    observation = observe(history, 1015, [member(ended)])
    assert observation.groups["shop"].counters["worker"].cpu_ticks == 200
    assert watch_of(observation, member(ended)) is None


@pytest.mark.parametrize(
    ("configuration", "forget"), [(Configuration(), 600), (Configuration(forget=45), 45)]
)
def test_a_group_with_a_templated_name_is_forgotten_some_time_after_its_last_process(configuration, forget):
    history = History(configuration)
    observe(history, 1000, [member(process(cpu=1))])
    observe(history, 1015, [member(process(cpu=2))])
    assert observe(history, 1015 + forget - 1).groups["shop"].counters["worker"].cpu_ticks == 100
    assert "shop" not in observe(history, 1015 + forget).groups


def test_a_group_that_the_configuration_names_outright_is_never_forgotten():
    configuration = Configuration(entries=(entry("mine"), entry("built in", builtin=True)), forget=45)
    history = History(configuration)
    for second, cpu in ((1000, 1), (1015, 2)):
        observe(
            history,
            second,
            [member(process(10 + pid, cpu=cpu), group=name) for pid, name in enumerate(("mine", "built in"))],
        )
    groups = observe(history, 1015 + 366 * 86400).groups
    assert groups.keys() == {"mine"}
    assert groups["mine"].counters["worker"].cpu_ticks == 100


def test_a_reload_changes_when_groups_are_forgotten():
    history = History(Configuration())
    observe(history, 1000, [member(process())])
    history.configure(Configuration(forget=45))
    assert "shop" in observe(history, 1044).groups
    assert "shop" not in observe(history, 1045).groups


class TestLimitOfGroups:
    """Who names processes can make up new groups at every sample."""

    def churned(self, samples, configuration):
        """A steady group, and three more under new names at every sample; the last observation, and who was
        there."""
        history = History(configuration)
        for number in range(samples):
            members = [member(process(10, cpu=number))]
            for each in range(3):
                pid = 100 + 3 * number + each
                members.append(member(process(pid, start=999 + number), group=f"made up {pid}"))
            observation = observe(history, 1000 + number, members, delays={})
        return history, observation

    def test_groups_that_are_empty_make_room_the_longest_empty_first(self):
        _, observation = self.churned(50, Configuration(limits=Limits(groups=10)))
        assert list(observation.groups) == [*(f"made up {pid}" for pid in range(241, 250)), "shop"]

    def test_those_that_have_processes_and_those_that_are_named_stay(self):
        configuration = Configuration(entries=(entry("mine"),), limits=Limits(groups=2))
        _, observation = self.churned(50, configuration)
        assert list(observation.groups) == [*(f"made up {pid}" for pid in (247, 248, 249)), "mine", "shop"]
        assert observation.groups["shop"].counters["worker"].cpu_ticks == 4900

    def test_nothing_is_remembered_of_the_others(self):
        history, observation = self.churned(500, Configuration(limits=Limits(groups=10)))
        assert len(history._last_seen) == len(history._counters._by_group) == len(observation.groups) == 10
        assert len(history._group_swapin) == 10 * len(Role)


def test_what_groups_read_back_is_a_rate_only_while_delay_accounting_counts():
    history = History(Configuration())
    worker = member(process())
    for second, pages in ((1000, 100), (1030, 400), (1060, 700), (1090, None), (1120, 1300)):
        delays = None if pages is None else {worker.process.identity: TaskDelays(pages, 1, 1, measured=True)}
        observation = observe(history, second, [worker], delays=delays)
        rate = observation.groups["shop"].swapin_pages_per_second["worker"]
        assert rate == (10.0 if second in (1060, 1120) else None), second


def test_a_configured_group_with_a_fixed_name_is_known_from_the_start_and_stays():
    history = History(Configuration(entries=(entry("mine"), entry("{{.Matches.app}}"))))
    assert list(observe(history, 0).groups) == ["mine"]
    assert list(observe(history, 100_000).groups) == ["mine"]


def test_a_fixed_name_of_the_catalogue_is_not_known_before_its_first_process():
    history = History(Configuration(entries=(entry("nginx", builtin=True),)))
    assert observe(history, 0).groups == {}


def test_rates_take_their_window():
    history = History(Configuration(rate_window=60, quiet=Quiet(window=120)))
    observe(history, 0, of=host(pswpin=1000, pswpout=50))
    observation = observe(history, 59, of=host(pswpin=1000, pswpout=50))
    assert observation.swapin_pages_per_second is None
    observation = observe(history, 100, of=host(pswpin=1500, pswpout=250))
    assert observation.swapin_pages_per_second == 5.0
    assert observation.swapout_pages_per_second == 2.0
    assert observation.quiet_pages_per_second is None
    observation = observe(history, 120, of=host(pswpin=1500, pswpout=250, zswpin=500))
    assert observation.quiet_pages_per_second == (500 + 200 + 500) / 120


def test_a_reload_keeps_what_is_remembered():
    worker = member(process())
    history = History(Configuration())
    watched(history, 300, members=[worker], start=1000)
    history.configure(Configuration(idle=Idle(window=90)))
    observation = observe(history, 1301, [worker])
    assert activity_of(observation, worker) is Activity.IDLE
    assert observation.swapin_pages_per_second is not None
    assert observation.watching_since[90] == instant(1000)


def test_a_restart_goes_on_as_if_it_had_not_been_away():
    worker = member(process(cpu=5, swap=90 * MIB))
    before = History(Configuration())
    watched(before, 300, members=[worker], start=1000)
    after = History(Configuration(), before.persisted_state())
    observation = observe(after, 1330, [worker])
    assert activity_of(observation, worker) is Activity.IDLE
    assert watch_of(observation, worker).swapped
    assert observation.watching_since[60.0] == instant(1000)
    assert observation.groups["shop"].counters["worker"].cpu_ticks == 0


def test_a_worker_that_worked_while_the_exporter_was_away_has_cold_pages_and_is_busy():
    before = History(Configuration())
    watched(before, 300, members=[member(process(cpu=5, swap=90 * MIB))], start=1000)
    after = History(Configuration(), before.persisted_state())
    worker = member(process(cpu=6, swap=60 * MIB))
    observation = observe(after, 1330, [worker])
    assert activity_of(observation, worker) is Activity.BUSY
    assert watch_of(observation, worker).cold == 60 * MIB


def test_after_a_long_absence_idleness_is_not_known_but_cold_pages_are():
    before = History(Configuration())
    observe(before, 1000, [member(process(cpu=0, swap=60 * MIB))])
    observe(before, 1015, [member(process(cpu=5, swap=60 * MIB))])
    after = History(Configuration(), before.persisted_state())
    worker = member(process(cpu=5, swap=60 * MIB))
    observation = observe(after, 3000, [worker])
    assert activity_of(observation, worker) is Activity.UNKNOWN
    assert watch_of(observation, worker).cold == 60 * MIB


def test_major_faults_are_a_rate_only_while_the_host_reads_from_swap():
    history = History(Configuration())
    told = []
    pages = 0
    for second in range(1000, 1421, 30):
        pages += 300 if 1120 < second <= 1240 else 0
        worker = member(process(major_faults=2 * second))
        taken = sample(second, [worker.process], host(pswpin=pages))
        faults = history.observe(taken, grouping([worker])).groups["shop"].major_faults_per_second
        told.append((second, faults[Role.WORKER]))
    known = {second for second, rate in told if rate is not None}
    assert {rate for _, rate in told} == {None, 2.0}
    assert known & set(range(1210, 1270)) == {1210, 1240}
    assert not [second for second in known if 1090 <= second < 1210 or second > 1300]
    assert not history._group_faults


def test_what_the_host_reads_back_counts_zswap_too():
    history = History(Configuration())
    for second in (1000, 1060):
        of = host(pswpin=second, zswpin=2 * second)
        observation = history.observe(sample(second, [], of), grouping([]))
    assert observation.swapin_pages_per_second == 1
    assert observation.read_back_pages_per_second == 3


def with_clock(of, running_ms, timeslices):
    """As a process of one thread shows it; its ticks stay at 0."""
    clock = CpuClock(round(running_ms * 1e6), timeslices)
    return member(of.process._replace(clock=clock), of.entry)


def test_one_stopped_worker_does_not_decide_what_its_group_uses_at_rest():
    """It did nothing for ten minutes; the others always used 20 ms in a tick, which may be rest or work."""
    history = History(Configuration())
    stopped, other = member(process(10, timeslices=0)), member(process(11, timeslices=0))
    for number in range(42):
        went_on = with_clock(stopped, 0.2, 1) if number > 40 else stopped
        worker = with_clock(other, 20 * number, 10 * number)
        observation = observe(history, 1000 + 15 * number, [went_on, worker])
    observation = observe(history, 1000 + 15 * 42, [went_on, with_clock(other, 840, 420)])
    assert activity_of(observation, worker) is Activity.UNKNOWN


def test_a_thread_clock_that_is_missing_for_a_while_is_not_taken_for_the_last_ticks_alone():
    """Ten minutes of heartbeats in one tick would be work."""
    of = process(10)._replace(threads=4)
    history = History(Configuration())
    worker = member(of)
    groups = grouping([worker])
    for second in range(1000, 2801, 15):
        seen = not 1600 < second < 2200
        clock = CpuClock(round((second - 1000) * 90e3), (second - 1000) // 15 + 1)
        clocks = {of.identity: clock} if seen else {}
        taken = sample(instant(second), [of])
        observation = history.observe(taken, groups, Details(thread_clocks=clocks))
    assert watch_of(observation, worker).last_active is None
    assert activity_of(observation, worker) is Activity.IDLE


def test_a_group_whose_threads_did_nothing_has_the_same_watches():
    """What others made of them need not be made again."""
    of = process(10)._replace(threads=4)
    history = History(Configuration())
    groups = grouping([member(of)])
    seen = [
        history.observe(
            sample(instant(second), [of]), groups, Details(thread_clocks={of.identity: CpuClock(5, 1)})
        ).activity["shop"]
        for second in (1000, 1015, 1030)
    ]
    assert seen[1] is seen[2]


def test_levels_of_groups_that_do_not_come_back_after_a_restart_are_forgotten():
    history = History(Configuration())
    workers = [member(process(10, timeslices=1)), member(process(11, timeslices=1), group="gone")]
    observe(history, 1000, workers)
    memory = history.persisted_state()
    assert set(memory.levels) == {"shop", "gone"}
    history = History(Configuration(forget=600), memory)
    for second in range(1015, 1601, 15):
        observe(history, second, workers[:1])
    assert set(history.persisted_state().levels) == {"shop", "gone"}
    observe(history, 1615, workers[:1])
    assert set(history.persisted_state().levels) == {"shop"}
