"""The exporter's metrics, as contract.txt lists them, and PromQL taken apart to hold queries against them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser
import yaml

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))


STATES = {
    "role": 3,
    "activity": 3,
    "residency": 2,
    "owner": 3,
    "event": 3,
    "capability": 4,
    "version": 1,
    "python": 1,
}
"""How many values a label of fixed values has."""
COLLECTORS = 10
VERDICTS = 5
PYTHON_CLIENT = 16
"""``process_*`` and ``python_*`` of the exporter itself."""
ADDED = 5
"""By Prometheus to each target: ``up``, ``scrape_duration_seconds``, ``scrape_samples_scraped``, …"""


class Metric(NamedTuple):
    kind: str
    labels: frozenset[str]


def metrics() -> dict[str, Metric]:
    lines = (Path(__file__).parent / "contract.txt").read_text().splitlines()
    known = {}
    for line in lines:
        if not line.startswith("#"):
            name, kind, *labels = line.split()
            known[name] = Metric(kind, frozenset(",".join(labels).split(",")) - {""})
    return known


def series(prefix: str, **sizes: int) -> int:
    """At most so many series have this prefix; ``sizes`` says how many values an open label takes."""
    count = 0
    for name, metric in metrics().items():
        if name.startswith(prefix):
            product = 1
            for label in metric.labels:
                product *= (STATES | sizes)[label]
            count += product
    return count


def series_of_exporter() -> int:
    """About itself, without those of collectors."""
    results = 3 + 5  # of swap_exporter_processes and swap_exporter_proportional_reads
    return series("swap_exporter_", collector=0, result=0) + results


def series_of_host(groups: int) -> int:
    """At most, with what Prometheus adds: each group in its own cgroup, one swap device, every collector."""
    of_groups = series("swap_group_", group=1) + series("swap_cgroup_", cgroup=1, group=1)
    of_host = series("swap_host_") + series("swap_zswap_") + series("swap_device_", device=1, medium=1)
    of_collectors = COLLECTORS * series("swap_exporter_collector_", collector=1)
    return groups * of_groups + of_host + of_collectors + series_of_exporter() + PYTHON_CLIENT + ADDED


def recorded(*levels: str) -> int:
    """Rules that record at one of these levels."""
    return sum("record" in rule and rule["record"].split(":")[0] in levels for rule in rules())


def recorded_series(hosts: int, groups: int) -> int:
    """At most, where all hosts have groups of the same names."""
    each = groups * recorded("instance_group") + recorded("instance")
    states = STATES["activity"] * STATES["residency"]
    per_name = recorded("group") + states + VERDICTS
    return hosts * each + groups * per_name + recorded("global", "job")


def rules() -> list[dict[str, Any]]:
    return [
        rule
        for path in RULES
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


class Selection(NamedTuple):
    """A selector in a query, and what is done to it, from the inside out."""

    metric: str
    selector: str
    """All of it, without its range."""
    operations: tuple[str, ...]
    """Names of functions and aggregations."""
    dropped: frozenset[str] | None
    """Labels that aggregations took off, by name; ``None``: all but those in ``kept``."""
    kept: frozenset[str]


def selections(expression: str) -> list[Selection]:
    """Every selector of a query, with Grafana's variables filled in."""
    filled = re.sub(r"\[\$__rate_interval\]", "[1m]", expression)
    return list(_walk(promql_parser.parse(filled), (), frozenset(), frozenset()))


def _walk(
    node: Any, operations: tuple[str, ...], dropped: frozenset[str] | None, kept: frozenset[str]
) -> Iterator[Selection]:
    match node:
        case promql_parser.VectorSelector():
            assert node.name is not None, "a selector names its metric"
            yield Selection(node.name, node.prettify(), operations, dropped, kept)
        case promql_parser.MatrixSelector():
            yield from _walk(node.vector_selector, operations, dropped, kept)
        case promql_parser.AggregateExpr():
            outer = (str(node.op), *operations)
            if node.modifier is not None and node.modifier.type == promql_parser.AggModifierType.Without:
                taken = None if dropped is None else dropped | frozenset(node.modifier.labels)
                yield from _walk(node.expr, outer, taken, kept)
            else:
                labels = frozenset(node.modifier.labels) if node.modifier else frozenset()
                yield from _walk(node.expr, outer, None, labels)
        case promql_parser.Call():
            for argument in node.args:
                yield from _walk(argument, (node.func.name, *operations), dropped, kept)
        case promql_parser.BinaryExpr():
            yield from _walk(node.lhs, operations, dropped, kept)
            yield from _walk(node.rhs, operations, dropped, kept)
        case promql_parser.ParenExpr() | promql_parser.UnaryExpr() | promql_parser.SubqueryExpr():
            yield from _walk(node.expr, operations, dropped, kept)
        case _:
            assert isinstance(node, promql_parser.NumberLiteral | promql_parser.StringLiteral), node
