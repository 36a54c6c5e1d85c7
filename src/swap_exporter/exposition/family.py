"""Metric families that take only what is known."""

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

Labelled = Iterable[tuple[tuple[str, ...], float | None]]
"""Label values, and the value or ``None`` where it is not known."""


def gauge(name: str, documentation: str, labels: tuple[str, ...], values: Labelled) -> Iterator[Metric]:
    """A gauge of the values that are known; nothing where none is."""
    return _known(GaugeMetricFamily(name, documentation, labels=labels), values)


def counter(name: str, documentation: str, labels: tuple[str, ...], values: Labelled) -> Iterator[Metric]:
    """A counter of the values that are known; ``name`` ends in ``_total``."""
    return _known(CounterMetricFamily(name, documentation, labels=labels), values)


def single(value: float | None) -> Labelled:
    """The value of a family without labels."""
    return [((), value)]


def _known(family: GaugeMetricFamily | CounterMetricFamily, values: Labelled) -> Iterator[Metric]:
    for labels, value in values:
        if value is not None:
            family.add_metric(labels, value)
    if family.samples:
        yield family
