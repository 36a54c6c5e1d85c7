"""From workers in swap to whoever is told: the shipped files, Debian's Prometheus and Alertmanager.

A minute of the shipped rules is half a second here; thresholds are what they are.
"""

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.deploy.contract import ROOT, RULES, rules, selections
from tests.system.cgroup import CgroupV1, MemoryCgroup
from tests.system.conftest import Start
from tests.system.delay_accounting import accounting
from tests.system.exporter import Exporter, hurried_catalogue
from tests.system.load import Load
from tests.system.servers.alertmanager import Alertmanager
from tests.system.servers.gunicorn import Gunicorn
from tests.system.servers.prometheus import Prometheus
from tests.system.servers.server import free_port
from tests.system.waiting import wait_until

WORKERS = 4
MEGABYTES = 100
"""Of each worker: together more than the 256 MiB from which on stranded workers are worth an alert."""
APPLICATION = f"shopapi-{os.getpid()}"
GROUP = f"gunicorn:{APPLICATION}"
MILLISECONDS_FOR_A_MINUTE = 500
SCRAPE = "500ms"

LABELS = {"group": GROUP, "job": "swap-exporter"}
STRANDED = {"alertname": "SwapWorkersStranded", "severity": "warning", **LABELS}
WAKING = {
    "alertname": "SwapWorkersWaking",
    "severity": "warning",
    "evidence": "delay_accounting",
    **LABELS,
}


class Chain(NamedTuple):
    """Everything between the workers and a person."""

    server: Gunicorn
    cgroup: MemoryCgroup
    exporter: Exporter
    prometheus: Prometheus
    alertmanager: Alertmanager
    began: float
    """Unix time."""

    def idle_swapped(self) -> float | None:
        return self.exporter.scrape().get("swap_group_idle_swapped_workers", group=GROUP)

    def told(self, alert: dict[str, str]) -> dict[str, Any]:
        """What Alertmanager holds of an alert; empty where it is not firing."""
        labels = {**alert, "instance": f"127.0.0.1:{self.exporter.port}"}
        return next((held for held in self.alertmanager.alerts() if held["labels"] == labels), {})


def hurried_rules(directory: Path) -> list[str]:
    """Copies of the shipped rule files, with durations that a test can wait for."""
    copies = []
    for shipped in RULES:
        copy = directory / shipped.name
        copy.write_text(
            re.sub(
                r"(?<=\[)(\d+)m(?=\])|(?<=for: )(\d+)m$",
                lambda minutes: f"{int(minutes[1] or minutes[2]) * MILLISECONDS_FOR_A_MINUTE}ms",
                shipped.read_text(),
                flags=re.MULTILINE,
            )
        )
        copies.append(str(copy))
    return copies


def hurried_scraping(directory: Path, exporter: Exporter, alertmanager: Alertmanager) -> str:
    """The shipped scrape configuration, pointed at these two."""
    shipped = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    shipped["global"] = {"scrape_interval": SCRAPE, "evaluation_interval": SCRAPE}
    shipped["rule_files"] = hurried_rules(directory)
    [scraping], [alerting] = shipped["scrape_configs"], shipped["alerting"]["alertmanagers"]
    scraping["scrape_timeout"] = SCRAPE
    for found, port in ((scraping, exporter.port), (alerting, alertmanager.port)):
        found["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
    text: str = yaml.safe_dump(shipped)
    return text


def wake(server: Gunicorn) -> Load:
    """Requests for which each worker reads all that it has."""
    return Load(lambda: server.request("/heap"), per_second=4, at_once=WORKERS)


def all_are_back(exporter: Exporter) -> bool:
    return exporter.scrape().sum("swap_group_workers", group=GROUP, residency="resident") == WORKERS


def configuration() -> str:
    """The catalogue with short times, under which a worker is swapped by what it has out, whatever it does.

    Seen active in the middle of a short wake, it would be said to serve well without what is still out.
    """
    hurried = yaml.safe_load(
        hurried_catalogue(after=4, window=2, settings={"proportional": {"share_of_time": 0.2}})
    )
    for entry in hurried["process_names"]:
        entry["idle"]["cpu"] = 1
    text: str = yaml.safe_dump(hurried)
    return text


@pytest.fixture
def chain(cgroup: MemoryCgroup, start: Start, tmp_path: Path) -> Iterator[Chain]:
    """Workers that are idle and in swap; nothing moves."""
    with accounting(on=True):
        server = start(Gunicorn(workers=WORKERS, private_megabytes=MEGABYTES, name=APPLICATION), cgroup)
        exporter = start(Exporter(configuration()))
        alertmanager_yml = (ROOT / "deploy/alertmanager/alertmanager.yml").read_text()
        alertmanager = Alertmanager(alertmanager_yml.replace(":9099/", f":{free_port()}/"))
        prometheus = Prometheus(configuration=hurried_scraping(tmp_path, exporter, alertmanager))
        chain = Chain(server, cgroup, exporter, prometheus, alertmanager, time.time())

        cgroup.push_out()
        wait_until("all are idle and in swap", lambda: chain.idle_swapped() == WORKERS)
        wait_until("nothing moves", lambda: exporter.scrape().value("swap_host_quiet") == 1, deadline=300)
        start(alertmanager)
        start(prometheus)
        yield chain


def test_stranded_workers_reach_alertmanager_and_wake_and_resolve(chain: Chain) -> None:
    stranded = wait_until("the alert has arrived", lambda: chain.told(STRANDED), deadline=120)

    assert stranded["status"]["state"] == "active"
    annotations = stranded["annotations"]
    assert annotations["summary"] == "Idle workers lie stranded in swap."
    assert f"of idle workers of {GROUP} on 127.0.0.1:{chain.exporter.port}" in annotations["description"]
    assert f"(now {WORKERS} workers)" in annotations["description"]
    assert runbook(annotations["runbook_url"]).is_file()
    assert not chain.told(WAKING)

    # They wake, and have to again, until somebody has been told.
    def waking() -> dict[str, Any]:
        if all_are_back(chain.exporter):
            chain.cgroup.push_out()
        return chain.told(WAKING)

    with wake(chain.server) as load:
        annotations = wait_until("the other alert has arrived", waking, deadline=120)["annotations"]
        assert "B/s back from swap, by the kernel's delay accounting" in annotations["description"]
        assert runbook(annotations["runbook_url"]).is_file()
        wait_until("they have read themselves back", lambda: all_are_back(chain.exporter))
        wait_until("both are resolved", lambda: not chain.told(STRANDED) and not chain.told(WAKING))
    assert not load.failures

    assert not no_series(chain)


def runbook(url: str) -> Path:
    return ROOT / "docs/runbooks" / url.rsplit("/", 1)[-1]


def no_series(chain: Chain) -> set[str]:
    """Selectors of the rules and the dashboard that have matched nothing, without any reason."""
    return {
        selector
        for selector in {*of_the_rules(), *of_the_dashboard()}
        if not re.match("|".join(not_here(chain.cgroup)), selector) and not matched(chain, selector)
    }


def matched(chain: Chain, selector: str) -> list[dict[str, str]]:
    series: list[dict[str, str]] = chain.prometheus.api(
        "series", **{"match[]": selector, "start": str(chain.began), "end": str(time.time())}
    )
    return series


def of_the_rules() -> Iterator[str]:
    for rule in rules():
        yield from (selection.selector for selection in selections(rule["expr"]))


def of_the_dashboard() -> Iterator[str]:
    def expressions(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            if isinstance(part.get("expr"), str):
                yield part["expr"]
            part = list(part.values())
        for inner in part if isinstance(part, list) else []:
            yield from expressions(inner)

    page = json.loads((ROOT / "deploy/grafana/swap-exporter.json").read_text())
    for expression in expressions(page):
        filled = re.sub(r"\$(instance|group)\b", ".+", expression)
        yield from (selection.selector for selection in selections(filled))


def not_here(cgroup: MemoryCgroup) -> Iterator[str]:
    """Beginnings of selectors that match nothing on this machine, and why."""
    # Prometheus' own, of alerts that this test does not provoke.
    yield r'ALERTS\{alertname="Swap(Thrashing|NearlyFull)"'
    # It takes workers that wake one by one, as in test_wake_cost.py; these wake together.
    yield r"swap_group_wake_seconds"
    if not os.access("/proc/pressure/memory", os.R_OK):  # psi=0, or a kernel without it
        yield r"(swap_host|instance:swap_host)_memory_pressure_"
    if "\nzswpin " not in Path("/proc/vmstat").read_text():  # before 5.19, or without zswap
        yield r"swap_host_zswap(in|out)_"
    if "\nZswap:" not in Path("/proc/meminfo").read_text():
        yield r"swap_zswap_"
    if not list(Path("/sys/block").glob("zram*")):
        yield r"swap_zram_"
    if " cgroup2 " not in Path("/proc/mounts").read_text():
        yield r"swap_cgroup_"
    elif isinstance(cgroup, CgroupV1):  # the memory controller is not in the hierarchy of version 2
        yield r"swap_cgroup_(swap|events)_"
    else:  # has no limit
        yield r"swap_cgroup_swap_limit_bytes"
