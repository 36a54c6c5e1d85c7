"""The main job, on gunicorn: workers that are idle and in swap, told on /metrics."""

from tests.system import independent
from tests.system.cgroup import MemoryCgroup
from tests.system.conftest import Start
from tests.system.exporter import Exporter
from tests.system.servers.gunicorn import Gunicorn
from tests.system.waiting import wait_until

SOON = "idle: {after: 3s, window: 1s}\ntick: 1s\nmin_sample_interval: 100ms\n"
GROUP = "gunicorn:shopapi"


def test_swap_of_a_group_agrees_with_an_independent_reading(cgroup: MemoryCgroup, start: Start) -> None:
    server = start(Gunicorn(workers=3, preload=True, shared_megabytes=30, private_megabytes=10), cgroup)
    exporter = start(Exporter(SOON))
    cgroup.push_out()

    def agrees() -> bool:
        scrape = exporter.scrape()
        master, workers = independent.swap(server.pid), independent.swap(*server.workers())
        assert scrape.value("swap_group_processes", group=GROUP, role="worker") == 3
        assert scrape.value("swap_group_swap_bytes", group=GROUP, role="worker") == workers > 3 * 35 << 20
        assert scrape.value("swap_group_swap_bytes", group=GROUP, role="master") == master
        return scrape.value("swap_group_idle_swapped_workers", group=GROUP) == 3

    wait_until("three idle workers in swap are told", agrees)
