"""The exporter's metrics, as contract.txt lists them, and PromQL taken apart to hold queries against them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser
import yaml

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))


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
