"""Debian's Prometheus scrapes the exporter: what it stores is the contract."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.require import require
from tests.system.cgroup import MemoryCgroup
from tests.system.conftest import Start
from tests.system.exporter import Exporter, hurried_catalogue
from tests.system.servers.gunicorn import Gunicorn
from tests.system.servers.prometheus import Prometheus
from tests.system.waiting import wait_until

GROUP = {
    "swap_group_processes",
    "swap_group_swap_bytes",
    "swap_group_resident_bytes",
    "swap_group_worker_swap_max_bytes",
    "swap_group_workers",
    "swap_group_idle_swapped_workers",
    "swap_group_idle_swapped_bytes",
    "swap_group_displaced_bytes",
    "swap_group_stranded_bytes",
    "swap_group_longest_idle_since_timestamp_seconds",
    "swap_group_cpu_seconds_total",
    "swap_group_major_faults_total",
}
HOST = {
    "swap_host_size_bytes",
    "swap_host_free_bytes",
    "swap_host_cached_bytes",
    "swap_host_memory_bytes",
    "swap_host_memory_available_bytes",
    "swap_host_swapin_bytes_total",
    "swap_host_swapout_bytes_total",
    "swap_host_swapin_bytes_per_second",
    "swap_host_swapout_bytes_per_second",
    "swap_host_quiet",
    "swap_host_stranded_bytes",
    "swap_device_size_bytes",
    "swap_device_used_bytes",
    "swap_device_priority",
}
EXPORTER = {
    "swap_exporter_build_info",
    "swap_exporter_collector_success",
    "swap_exporter_collector_duration_seconds",
    "swap_exporter_capability",
    "swap_exporter_processes",
    "swap_exporter_overflow_processes",
    "swap_exporter_config_last_reload_successful",
    "swap_exporter_config_last_reload_success_timestamp_seconds",
}


def where_the_kernel_has_them() -> set[str]:
    names = set()
    if "\nzswpin " in Path("/proc/vmstat").read_text():
        names |= {"swap_host_zswapin_bytes_total", "swap_host_zswapout_bytes_total"}
    if os.access("/proc/pressure/memory", os.R_OK):
        names |= {f"swap_host_memory_pressure_{what}_seconds_total" for what in ("waiting", "stalled")}
    return names


@pytest.fixture
def exporter(cgroup: MemoryCgroup, start: Start) -> Exporter:
    """Beside a group that has workers of which something is told in every family."""
    start(Gunicorn(workers=2, private_megabytes=5), cgroup)
    exporter = start(Exporter(hurried_catalogue(after=4, window=2)))
    cgroup.push_out()
    return exporter


def test_every_metric_arrives(exporter: Exporter, start: Start) -> None:
    prometheus = start(Prometheus(exporter.port))
    expected = GROUP | HOST | EXPORTER | where_the_kernel_has_them()

    def all_arrived() -> bool:
        assert not expected - prometheus.metric_names()
        assert prometheus.query('swap_group_idle_swapped_workers{group="gunicorn:shopapi"}')[0][1] == 2
        return prometheus.query("count_over_time(up[10m])")[0][1] >= 10

    wait_until("Prometheus has every metric, after some scrapes", all_arrived)

    assert not exporter.scrape().names() - prometheus.metric_names()
    assert [value for _, value in prometheus.query("min_over_time(up[10m])")] == [1]


def test_promtool_finds_nothing_in_a_scrape(exporter: Exporter) -> None:
    require(shutil.which("promtool"), "promtool is not installed: apt install prometheus")

    def complete() -> str:
        scrape = exporter.scrape()
        assert scrape.names() >= GROUP | HOST
        return scrape.text

    text = wait_until("every family is there", complete)

    lint = subprocess.run(
        ["promtool", "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (lint.returncode, lint.stdout, lint.stderr) == (0, "", "")
