"""Metric families as text, in the format that a scraper asks for."""

import gzip
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from threading import Lock
from typing import NamedTuple

from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.exposition import ALLOWUTF8, UNDERSCORES
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
    return Renderer().render(metrics, accept, accept_encoding)


class Renderer:
    """Encodes families, but not again those that are as they were the last time: encoding can take longer
    than all else about a scrape, and on a host at rest hardly a family changes. For any number of threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._content_type = ""
        self._families: dict[str, tuple[Metric, bytes]] = {}
        """Those of the last scrape, by name."""

    def render(self, metrics: Iterable[Metric], accept: str = "", accept_encoding: str = "") -> Rendered:
        """As :func:`render`."""
        encode, content_type = _encoder(accept)
        # What a format puts after the last family, it puts after one family too.
        end = encode(_Collected([]))
        # One after the other: who scrapes at the same time finds the work done, and memory is that of one.
        with self._lock:
            # Only in the format of the last scrape: a scraper chooses its name among endlessly many.
            before = self._families if self._content_type == content_type else {}
            families = {}
            for metric in metrics:
                known = before.get(metric.name)
                if known is None or known[0] != metric:
                    known = metric, encode(_Collected([metric])).removesuffix(end)
                families[metric.name] = known
            self._content_type, self._families = content_type, families
        body = b"".join(text for _, text in families.values()) + end
        if _accepts_gzip(accept_encoding):
            # The text repeats itself so much that the fastest level is enough.
            return Rendered(gzip.compress(body, compresslevel=1, mtime=0), content_type, "gzip")
        return Rendered(body, content_type, None)


def _encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    encode, content_type = choose_encoder(accept)
    if "escaping=" not in content_type or content_type.endswith(f"escaping={UNDERSCORES}"):
        # All names here are legal everywhere; to replace no character of them takes as long as all the rest.
        encode = partial(encode, escaping=ALLOWUTF8)  # type: ignore[call-arg]
    return encode, content_type


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
