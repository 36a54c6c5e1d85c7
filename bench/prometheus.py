"""What it costs Debian's Prometheus to scrape one daemon as many hosts and to evaluate the deployed rules."""

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import NamedTuple
from urllib.parse import quote

from prometheus_client.parser import text_string_to_metric_families

from bench import contestants
from tests.deploy.contract import RULES

HOSTS = (10, 50)
"""As many, one after the other: the difference is what hosts cost, without Prometheus at rest."""
INTERVAL = 1
"""Seconds between two scrapes, and two evaluations of the rules: their proportion is that of the deployed
configuration. Memory of a series grows with its samples, so they come soon."""
_SETTLING = 8
"""Seconds until rates, and what is recorded of them, are there."""
_READ_EVERY = 5
"""Seconds."""
_RECORDED = 'count(last_over_time({__name__=~".+:.+"}[1h]))'
_Metrics = dict[str, list[float]]


class Watch(NamedTuple):
    """Prometheus with so many hosts, by its own metrics."""

    hosts: int
    scraped: int
    """Series in its head that hosts gave, with what it adds for each (``up``, ``scrape_…``)."""
    recorded: int
    """Series in its head that rules gave."""
    resident: float
    """Bytes: process_resident_memory_bytes, median of the second half."""
    heap: float
    """Bytes: go_memstats_heap_inuse_bytes, mean of the same, as it rises and falls with collections."""
    held: float
    """Samples of each series in the head, at the end."""
    samples: float
    """Appended per second, scraped and recorded."""
    cpu: float
    """Seconds of CPU per second."""
    rules: float
    """Seconds that an evaluation takes in that group of rules that takes longest, a mean."""
    answers: float
    """Scrapes per second."""
    answering: float
    """CPU seconds of the daemon per second."""

    @property
    def series(self) -> int:
        return self.scraped + self.recorded


def watch(hosts: int, seconds: float, port: int, pid: int, scratch: Path) -> Watch:
    """``port`` and ``pid`` of the daemon. Raises OSError where Prometheus does not start or answer."""
    own = contestants.free_port()
    with contestants.running(_command(hosts, own, port, scratch / f"prometheus-{hosts}")):
        contestants.wait_for(own)
        time.sleep(_SETTLING)
        began, answering = time.monotonic(), contestants.cpu_of(pid)
        readings = list(_readings(own, max(1, round(seconds / _READ_EVERY))))
        took, answering = time.monotonic() - began, contestants.cpu_of(pid) - answering
        recorded = _recorded(own)

    def per_second(metric: str) -> float:
        return (sum(readings[-1][metric]) - sum(readings[0][metric])) / took

    late = readings[len(readings) // 2 :]
    [head] = readings[-1]["prometheus_tsdb_head_series"]
    return Watch(
        hosts,
        scraped=round(head) - recorded,
        recorded=recorded,
        resident=median(each["process_resident_memory_bytes"][0] for each in late),
        heap=fmean(each["go_memstats_heap_inuse_bytes"][0] for each in late),
        held=sum(readings[-1]["prometheus_tsdb_head_samples_appended_total"]) / head,
        samples=per_second("prometheus_tsdb_head_samples_appended_total"),
        cpu=per_second("process_cpu_seconds_total"),
        rules=fmean(max(each["prometheus_rule_group_last_duration_seconds"]) for each in readings),
        answers=per_second("prometheus_target_interval_length_seconds_count"),
        answering=answering / took,
    )


class Line(NamedTuple):
    """Through two points."""

    start: float
    slope: float

    def at(self, x: float) -> float:
        return self.start + self.slope * x


def line(points: Sequence[tuple[float, float]]) -> Line:
    [((x, y), (further, there))] = pairwise(points)
    slope = (there - y) / (further - x)
    return Line(y - slope * x, slope)


def _command(hosts: int, own: int, port: int, directory: Path) -> list[str]:
    directory.mkdir()
    file = directory / "prometheus.yml"
    file.write_text(json.dumps(_configuration(hosts, port)))  # JSON is YAML
    return [
        "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{own}",
    ]


def _configuration(hosts: int, port: int) -> dict[str, object]:
    targets = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"instance": f"host-{host:06}:10059"}}
        for host in range(hosts)
    ]
    return {
        "global": {"scrape_interval": f"{INTERVAL}s", "evaluation_interval": f"{INTERVAL}s"},
        "rule_files": [str(path) for path in RULES],
        "scrape_configs": [
            {"job_name": "swap-exporter", "scrape_timeout": f"{INTERVAL}s", "static_configs": targets}
        ],
    }


def _readings(port: int, times: int) -> Iterator[_Metrics]:
    """One more than so many."""
    for number in range(times + 1):
        if number:
            time.sleep(_READ_EVERY)
        yield _metrics(port)


def _metrics(port: int) -> _Metrics:
    """Values of each metric, whatever their labels."""
    values: _Metrics = defaultdict(list)
    for family in text_string_to_metric_families(contestants.get(port).decode()):
        for sample in family.samples:
            values[sample.name].append(sample.value)
    return values


def _recorded(port: int) -> int:
    answer = json.loads(contestants.get(port, f"/api/v1/query?query={quote(_RECORDED)}"))
    [result] = answer["data"]["result"]
    return int(result["value"][1])
