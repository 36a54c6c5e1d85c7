"""Proportional swap on /metrics: the honest sum, and what reading it may cost."""

import os
import time
from typing import Any

import pytest

from tests.system import independent
from tests.system.cgroup import MemoryCgroup
from tests.system.conftest import Start
from tests.system.exporter import Exporter, Scrape, hurried_catalogue, hurried_families
from tests.system.family import Family
from tests.system.servers.gunicorn import Gunicorn
from tests.system.waiting import wait_until

MIB = 1 << 20
WORKERS = 8
APPLICATION = f"shares-{os.getpid()}"
GROUP = f"gunicorn:{APPLICATION}"
PROPORTIONAL = "swap_group_swap_proportional_bytes"


def preloaded() -> Gunicorn:
    return Gunicorn(workers=WORKERS, name=APPLICATION, preload=True, shared_megabytes=40, private_megabytes=4)


def configured(**proportional: Any) -> str:
    return hurried_catalogue(after=4, window=2, settings={"proportional": proportional}, cpu=0.1)


def reads(scrape: Scrape) -> dict[str, int]:
    found = scrape.matching("swap_exporter_proportional_reads")
    return {sample.labels["result"]: int(sample.value) for sample in found if sample.value}


def test_its_sum_is_the_swap_that_a_preloaded_server_uses(cgroup: MemoryCgroup, start: Start) -> None:
    server = start(preloaded(), cgroup)
    exporter = start(Exporter(configured(share_of_time=0.2)))
    cgroup.push_out()

    def agrees() -> Scrape:
        scrape = exporter.scrape()
        assert scrape.sum(PROPORTIONAL, group=GROUP) == pytest.approx(cgroup.swap(), rel=0.01)
        assert scrape.sum("swap_group_swap_bytes", group=GROUP) == independent.swap(*server.pids())
        return scrape

    scrape = wait_until("it is what the cgroup uses", agrees)
    overstated = scrape.sum("swap_group_swap_bytes", group=GROUP)
    assert overstated > 4 * scrape.sum(PROPORTIONAL, group=GROUP) > 4 * (40 + 4 * WORKERS) * MIB

    # Nobody else of the machine is read twice as long as nothing moves.
    wait_until("all are read and kept", lambda: reads(exporter.scrape()).keys() == {"kept"})
    assert reads(exporter.scrape())["kept"] >= WORKERS + 1


def test_a_neighbour_that_reads_back_changes_the_share_of_the_others(
    cgroup: MemoryCgroup, start: Start
) -> None:
    name = f"neighbours-{os.getpid()}"
    with Family(cgroup, shared=48, children=3, name=name) as family:
        exporter = start(Exporter(hurried_families(name, settings={"proportional": {"share_of_time": 0.2}})))
        cgroup.push_out()

        def agrees() -> int:
            of_workers = independent.proportional_swap(*family.pids[1:])
            scrape = exporter.scrape()
            assert scrape.sum(PROPORTIONAL, group=name, role="worker") == pytest.approx(of_workers, rel=0.02)
            assert reads(scrape).keys() == {"kept"}
            return of_workers

        shared_by_four = wait_until("it is their share", agrees)
        swap = independent.swap(*family.pids[1:])
        family.read_back()
        shared_by_three = wait_until("it is their share, without the parent", agrees)
        assert shared_by_three > 1.2 * shared_by_four
        assert independent.swap(*family.pids[1:]) == pytest.approx(swap, rel=0.01), "nothing else has changed"


def test_scrapes_do_not_wait_for_what_may_not_be_read_yet(cgroup: MemoryCgroup, start: Start) -> None:
    server = start(preloaded(), cgroup)
    cgroup.push_out()
    # A reading is out of date where VmSwap moves after it, and the next one may come a minute later. So the
    # exporter starts only when the heartbeats have read back what they use.
    _wait_for_constant_swap(server)
    # After one reading of a few milliseconds the next may come in half a minute.
    exporter = start(Exporter(configured(share_of_time=0.0001)))

    def one_is_read() -> bool:
        return reads(exporter.scrape()).keys() >= {"kept", "waiting"}

    wait_until("one is read and others wait", one_is_read)
    wait_until("the workers are idle and swapped", lambda: _idle_swapped(exporter.scrape()) == WORKERS)
    scrape = exporter.scrape()
    assert reads(scrape)["waiting"] > WORKERS / 2
    assert scrape.get(PROPORTIONAL, group=GROUP, role="worker") is None
    # VmSwap stands in for those that wait, up to all used swap.
    stranded = scrape.value("swap_group_stranded_bytes", group=GROUP)
    assert stranded == pytest.approx(min(independent.swap(*server.workers()), _used(scrape)), rel=0.1)
    assert stranded > independent.proportional_swap(*server.workers())


def test_nothing_is_read_of_larger_processes_than_allowed(cgroup: MemoryCgroup, start: Start) -> None:
    server = start(preloaded(), cgroup)
    exporter = start(Exporter(configured(share_of_time=0.2, max_process_bytes="20MiB")))
    cgroup.push_out()

    def told() -> bool:
        scrape = exporter.scrape()
        assert reads(scrape)["too_large"] >= WORKERS + 1
        assert "waiting" not in reads(scrape)
        assert scrape.get(PROPORTIONAL, group=GROUP, role="worker") is None
        assert scrape.get(PROPORTIONAL, group=GROUP, role="master") is None
        return _idle_swapped(scrape) == WORKERS

    wait_until("they are too large", told)
    scrape = exporter.scrape()
    assert scrape.get("swap_group_idle_swapped_proportional_bytes", group=GROUP) is None
    bound = min(independent.swap(*server.workers()), _used(scrape))
    assert scrape.value("swap_group_stranded_bytes", group=GROUP) == pytest.approx(bound, rel=0.1)


def _wait_for_constant_swap(server: Gunicorn) -> None:
    """Until the sum of VmSwap has not changed for five seconds."""
    last, since = -1, time.monotonic()

    def is_constant() -> bool:
        nonlocal last, since
        if (swap := independent.swap(*server.pids())) != last:
            last, since = swap, time.monotonic()
        return time.monotonic() - since > 5

    wait_until("nothing is read back any more", is_constant)


def _used(scrape: Scrape) -> float:
    return scrape.value("swap_host_size_bytes") - scrape.value("swap_host_free_bytes")


def _idle_swapped(scrape: Scrape) -> float | None:
    return scrape.get("swap_group_idle_swapped_workers", group=GROUP)
