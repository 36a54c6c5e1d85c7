"""Stranded is what has room to come back: a cgroup's limit counts."""

import os

import pytest

from tests.system import independent
from tests.system.cgroup import MemoryCgroup
from tests.system.conftest import Start
from tests.system.exporter import Exporter, Scrape, hurried_catalogue
from tests.system.servers.gunicorn import Gunicorn
from tests.system.waiting import wait_until

MIB = 1 << 20
APPLICATION = f"limited-{os.getpid()}"
GROUP = f"gunicorn:{APPLICATION}"


def test_who_was_pushed_out_by_a_limit_is_stranded_once_it_is_lifted(
    cgroup: MemoryCgroup, start: Start
) -> None:
    settings = {"proportional": {"share_of_time": 0.2}}
    server = start(Gunicorn(workers=1, name=APPLICATION, private_megabytes=80), cgroup)
    exporter = start(Exporter(hurried_catalogue(after=4, window=2, settings=settings)))
    cgroup.limit(40 * MIB)

    def idle_swapped() -> Scrape:
        scrape = exporter.scrape()
        assert scrape.get("swap_group_idle_swapped_workers", group=GROUP) == 1
        held = scrape.value("swap_group_idle_swapped_proportional_bytes", group=GROUP)
        assert held == pytest.approx(independent.proportional_swap(*server.workers()), rel=0.01)
        assert held > 35 * MIB
        return scrape

    limited = wait_until("it is idle and swapped", idle_swapped)
    assert limited.value("swap_group_stranded_bytes", group=GROUP) < 3 * MIB
    assert limited.value("swap_host_stranded_bytes") < 3 * MIB
    assert limited.value("swap_host_memory_available_bytes") > 200 * MIB

    cgroup.limit(None)

    def stranded() -> bool:
        scrape = idle_swapped()
        held = scrape.value("swap_group_idle_swapped_proportional_bytes", group=GROUP)
        return scrape.value("swap_group_stranded_bytes", group=GROUP) == held

    wait_until("it is stranded", stranded)
