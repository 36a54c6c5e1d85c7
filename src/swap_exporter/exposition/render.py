"""Metric families as text, in the format that a scraper asks for."""

import gzip
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from swap_exporter.assessment import Assessment
from swap_exporter.exposition import cgroups, exporter, groups, host
from swap_exporter.exposition.exporter import Reload


class Rendered(NamedTuple):
    body: bytes
    content_type: str
    encoding: str | None


def families(assessment: Assessment, reload: Reload | None = None, *, past: bool = True) -> Iterator[Metric]:
    """All families of an assessment. ``past=False`` leaves out what one sample alone cannot know."""
    sample = assessment.sample
    yield from groups.present(assessment.groups)
    if past:
        yield from groups.past(assessment.groups, sample.clock_ticks, sample.page_size)
    yield from host.present(assessment)
    yield from cgroups.present(assessment)
    if past:
        yield from host.past(assessment)
    yield from exporter.of_sample(assessment)
    if reload is not None:
        yield from exporter.of_reload(reload)


def render(metrics: Iterable[Metric], accept: str = "", accept_encoding: str = "") -> Rendered:
    """Encode families as the ``Accept`` and ``Accept-Encoding`` headers of a scraper ask."""
    encode, content_type = choose_encoder(accept)
    body = encode(_Collected(metrics))
    if _accepts_gzip(accept_encoding):
        # The text repeats itself so much that the fastest level is enough.
        return Rendered(gzip.compress(body, compresslevel=1, mtime=0), content_type, "gzip")
    return Rendered(body, content_type, None)


class _Collected(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _accepts_gzip(accept_encoding: str) -> bool:
    for part in accept_encoding.split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip().lower() == "gzip":
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
