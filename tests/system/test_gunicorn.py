"""The main job, on gunicorn: workers that are idle and in swap, told on /metrics."""

import contextlib
import os
import signal
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from tests.system import independent
from tests.system.cgroup import MemoryCgroup
from tests.system.conftest import Start
from tests.system.exporter import Exporter, Scrape, hurried_catalogue
from tests.system.load import Load
from tests.system.servers.gunicorn import Gunicorn
from tests.system.waiting import wait_until

MIB = 1 << 20
WORKERS = 8
APPLICATION = f"shopapi-{os.getpid()}"  # no other run on this machine has it
GROUP = f"gunicorn:{APPLICATION}"
IDLE_SWAPPED = ("idle_swapped_workers", "idle_swapped_bytes", "displaced_bytes", "stranded_bytes")


def idle_swapped(scrape: Scrape, group: str = GROUP) -> float | None:
    """The number of idle-swapped workers; ``None`` before it can be known, then its kin are absent too."""
    number = scrape.get("swap_group_idle_swapped_workers", group=group)
    kin = [scrape.get(f"swap_group_{name}", group=group) for name in IDLE_SWAPPED]
    assert [value is None for value in kin] == [number is None] * len(kin)
    assert number is not None or workers(scrape, group, activity="idle") == 0
    return number


def workers(scrape: Scrape, group: str = GROUP, **labels: str) -> float:
    return scrape.sum("swap_group_workers", group=group, **labels)


def until_all_are_idle(exporter: Exporter, group: str = GROUP) -> list[float | None]:
    """The numbers of idle-swapped workers told on the way."""
    told = []

    def all_idle() -> bool:
        scrape = exporter.scrape()
        told.append(idle_swapped(scrape, group))
        return workers(scrape, group, activity="idle") == workers(scrape, group) > 0

    wait_until(f"all workers of {group} are idle", all_idle)
    return told


def serve(server: Gunicorn, path: str, times: int, *, told_by: Exporter | None = None) -> None:
    """Steady requests, about five a second for each worker, until all have answered so many, and ``told_by``
    calls them busy."""

    def all_have() -> bool:
        if min(load.served[pid] for pid in server.workers()) < times:
            return False
        group = f"gunicorn:{server.name}"
        return told_by is None or workers(told_by.scrape(), group, activity="busy") == server.count

    with Load(lambda: server.request(path), per_second=5, at_once=server.count) as load:
        wait_until(f"each worker has answered {path} {times} times, and is busy", all_have)
    assert not load.failures


def test_workers_are_idle_swapped_from_being_pushed_out_until_they_serve(
    cgroup: MemoryCgroup, start: Start
) -> None:
    server = start(
        Gunicorn(workers=WORKERS, name=APPLICATION, preload=True, shared_megabytes=30, private_megabytes=10),
        cgroup,
    )
    exporter = start(Exporter(hurried_catalogue(after=6, window=2)))

    # Resident: not known at first, then none.
    assert set(until_all_are_idle(exporter)) <= {None, 0}
    assert idle_swapped(exporter.scrape()) == 0

    cgroup.push_out()

    def agrees() -> bool:
        scrape = exporter.scrape()
        master, out = independent.swap(server.pid), independent.swap(*server.workers())
        assert idle_swapped(scrape) == WORKERS
        assert workers(scrape, activity="idle", residency="swapped") == WORKERS
        assert scrape.value("swap_group_processes", group=GROUP, role="worker") == WORKERS
        assert scrape.value("swap_group_processes", group=GROUP, role="master") == 1
        assert scrape.value("swap_group_swap_bytes", group=GROUP, role="worker") == out > WORKERS * 40 * MIB
        assert scrape.value("swap_group_swap_bytes", group=GROUP, role="master") == master > 30 * MIB
        assert scrape.value("swap_group_resident_bytes", group=GROUP, role="worker") == sum(
            map(independent.resident, server.workers())
        )
        largest = max(map(independent.swap, server.workers()))
        assert scrape.value("swap_group_worker_swap_max_bytes", group=GROUP) == largest
        # The master lies in swap too and is in none of these.
        assert scrape.value("swap_group_idle_swapped_bytes", group=GROUP) == out
        assert scrape.value("swap_group_displaced_bytes", group=GROUP) == out
        stranded = scrape.value("swap_group_stranded_bytes", group=GROUP)
        assert independent.proportional_swap(*server.workers()) <= stranded <= out
        return True

    wait_until("all is told as /proc has it", agrees)
    pushed_out = independent.swap(*server.workers())

    serve(server, "/cpu?ms=3", 20, told_by=exporter)
    assert idle_swapped(exporter.scrape()) == 0
    assert workers(exporter.scrape(), activity="busy", residency="resident") == WORKERS

    # At rest: most is still out, but they have served without it.
    assert set(until_all_are_idle(exporter)) == {0}
    cold = independent.swap(*server.workers())
    assert cold > pushed_out / 2

    # What they served with is out again: the second night is counted as the first, and what is cold is not.
    cgroup.push_out()
    wait_until("all pages are out", lambda: independent.swap(*server.workers()) > cold + WORKERS * MIB)
    wait_until("they are counted again", lambda: idle_swapped(exporter.scrape()) == WORKERS)
    displaced = exporter.scrape().value("swap_group_displaced_bytes", group=GROUP)
    assert WORKERS * MIB < displaced < pushed_out / 4

    # Once they have served with all they have, the same push strands them. In two seconds a heartbeat that
    # has to fetch its pages may take a tick too many and pass for work: then they are put away once more.
    for _ in range(3):
        serve(server, "/heap", 2)  # which may take too little CPU to be busy
        assert independent.swap(*server.workers()) < cold / 2
        serve(server, "/cpu?ms=3", 20, told_by=exporter)
        assert set(until_all_are_idle(exporter)) == {0}
        cgroup.push_out()
        with contextlib.suppress(AssertionError):
            wait_until("all lie there", lambda: idle_swapped(exporter.scrape()) == WORKERS, deadline=20)
            break
    assert idle_swapped(exporter.scrape()) == WORKERS


def told_swap(exporter: Exporter) -> float:
    return exporter.scrape().value("swap_group_swap_bytes", group=GROUP, role="worker")


def test_no_counter_falls_while_workers_are_killed_and_replaced(start: Start) -> None:
    server = start(Gunicorn(workers=4, name=APPLICATION, preload=True, options=["--max-requests=30"]))
    exporter = start(Exporter(hurried_catalogue(after=6, window=2)))
    kills: Iterator[int] = cycle([signal.SIGTERM, signal.SIGKILL])
    before: dict[tuple[str, ...], float] = {}
    born = set(server.workers())

    def another_is_replaced() -> bool:
        victim = next(iter(server.workers()), None)
        if victim is not None:
            os.kill(victim, next(kills))
        for _ in range(5):
            scrape = exporter.scrape()
            born.update(server.workers())
            counters = {
                (sample.name, *sample.labels.values()): sample.value
                for sample in scrape.samples
                if sample.name.endswith("_total") and sample.labels.get("group") == GROUP
            }
            assert counters.keys() >= before.keys()
            fell = {name: (value, counters[name]) for name, value in before.items() if counters[name] < value}
            if fell:
                raise RuntimeError(f"counters fell: {fell}")
            before.update(counters)
        return len(born) >= 30

    with Load(lambda: server.request("/cpu?ms=3"), per_second=20, at_once=4) as load:
        wait_until("many workers have come and gone", another_is_replaced, every=0.2)

    # Requests to a worker that is killed fail; the CPU time of all others is kept, whoever served them.
    used = load.served.total() * 0.003
    living = independent.cpu_seconds(*server.workers())
    told = before["swap_group_cpu_seconds_total", GROUP, "worker"]
    assert told > used * 0.7
    assert told > living * 2

    def settled() -> bool:
        scrape = exporter.scrape()
        assert scrape.value("swap_group_processes", group=GROUP, role="worker") == 4
        assert scrape.value("swap_group_processes", group=GROUP, role="master") == 1
        return True

    wait_until("the group is four workers and a master again", settled)


def test_what_a_restarted_exporter_knows(cgroup: MemoryCgroup, start: Start, tmp_path: Path) -> None:
    """With its state file it goes on as if it had not been away; without, it says nothing until it knows."""
    start(Gunicorn(workers=2, name="lying", private_megabytes=10), cgroup)
    served = start(Gunicorn(workers=2, name="served", private_megabytes=10), cgroup)
    # A window of its own: a restart that takes longer than two of them would be a gap.
    patient = hurried_catalogue(after=8, window=20)
    first = start(Exporter(patient, tmp_path / "state"))
    cgroup.push_out()
    serve(served, "/cpu?ms=3", 40, told_by=first)
    wait_until("those that lie are told", lambda: idle_swapped(first.scrape(), "gunicorn:lying") == 2)
    assert until_all_are_idle(first, "gunicorn:served")[-1] == 0
    longest = "swap_group_longest_idle_since_timestamp_seconds"
    since = {name: first.scrape().value(longest, group=f"gunicorn:{name}") for name in ("lying", "served")}

    first.end()
    second = start(Exporter(patient, tmp_path / "state"))

    def as_before(scrape: Scrape) -> None:
        assert idle_swapped(scrape, "gunicorn:lying") == 2
        assert idle_swapped(scrape, "gunicorn:served") == 0
        for name, group in (("lying", "gunicorn:lying"), ("served", "gunicorn:served")):
            assert workers(scrape, group, activity="idle") == 2
            assert abs(scrape.value(longest, group=group) - since[name]) <= 1

    as_before(second.scrape())
    blank = start(Exporter(patient))
    told = until_all_are_idle(blank, "gunicorn:served")
    as_before(second.scrape())
    # Without the memory of what was cold nothing tells it from what is missed.
    assert told[-1] == 2
    assert set(told) == {None, 2}
