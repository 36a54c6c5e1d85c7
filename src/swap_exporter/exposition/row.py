"""A row of the table of metrics, and short ways to write down where its values come from."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from swap_exporter.assessment import Assessment
from swap_exporter.assessment.sums import times

Labelled = Iterable[tuple[tuple[str, ...], float | None]]
"""Label values, and the value or ``None`` if it is unknown."""
Values = Callable[[Assessment], Labelled]

Source = TypeVar("Source")
Whole = TypeVar("Whole")
Part = TypeVar("Part")

_FAMILIES = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily}


@dataclass(frozen=True, slots=True)
class Row(Generic[Source]):
    """One metric, whose values come from a source: an assessment, in most tables.

    The tables are laid out by hand (``fmt: off``): name, type and labels, then the help, then the values.
    """

    name: str
    """The name of a counter ends in ``_total``, that of a gauge does not."""
    type: Literal["gauge", "counter"]
    labels: tuple[str, ...]
    help: str
    """Understandable without the other rows."""
    values: Callable[[Source], Labelled]
    needs_history: bool = False
    """A single sample cannot give it."""


def collect(rows: Iterable[Row[Source]], source: Source) -> Iterator[Metric]:
    """The metric families of the rows, with their known values; none for a row without any."""
    for row in rows:
        family = _FAMILIES[row.type](row.name, row.help, labels=row.labels)
        for labels, value in row.values(source):
            if value is not None:
                family.add_metric(labels, value)
        if family.samples:
            yield family


def single(value: Callable[[Source], float | None]) -> Callable[[Source], Labelled]:
    """The value of a metric without labels."""
    return lambda source: [((), value(source))]


def optional(
    part: Callable[[Whole], Part | None], value: Callable[[Part], float | None]
) -> Callable[[Whole], float | None]:
    """The value that a part has; ``None`` if the part is missing."""

    def read(whole: Whole) -> float | None:
        known = part(whole)
        return None if known is None else value(known)

    return read


def in_bytes(pages: Values) -> Values:
    """Numbers of pages, in bytes."""
    return lambda assessment: (
        (labels, times(count, assessment.sample.page_size)) for labels, count in pages(assessment)
    )
