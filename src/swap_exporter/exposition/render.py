"""Metric families as text, in the format that a scraper asks for."""

import gzip
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from threading import Lock
from typing import NamedTuple

from prometheus_client import exposition
from prometheus_client.core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from swap_exporter.assessment import Assessment
from swap_exporter.exposition import cgroups, exporter, groups, host
from swap_exporter.exposition.exporter import Reload

_LATEST = {
    "application/openmetrics-text": openmetrics.CONTENT_TYPE_LATEST,
    "text/plain": exposition.CONTENT_TYPE_LATEST,
}
"""Content types of version 1.0.0."""
_ESCAPINGS = (openmetrics.ALLOWUTF8, openmetrics.UNDERSCORES, openmetrics.DOTS, openmetrics.VALUES)
_ZERO = re.compile(r"0(\.0*)?")


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
        self._of: Hashable = None
        self._families: dict[str, _Family] = {}
        """Those of the last sample, by name."""
        self._bodies: dict[tuple[_Form, bool], bytes] = {}
        """Those of the last sample, plain and compressed."""

    def render(
        self,
        metrics: Iterable[Metric],
        accept: str = "",
        accept_encoding: str = "",
        *,
        of: Hashable = None,
    ) -> Rendered:
        """As :func:`render`. ``of`` identifies what the families are of: the next call with an equal one does
        not read its ``metrics``, and returns the same body for the same format and encoding."""
        form, content_type = _negotiate(accept)
        compressed = _accepts_gzip(accept_encoding)
        # One after the other: who scrapes at the same time finds the work done, and memory is that of one.
        with self._lock:
            if of is None or of != self._of:
                self._update(metrics)
                self._of = of
            body = self._bodies.get((form, compressed))
            if body is None:
                body = self._body(form)
                if compressed:
                    # The text repeats itself so much that the fastest level is enough.
                    body = gzip.compress(body, compresslevel=1, mtime=0)
                self._bodies[form, compressed] = body
        return Rendered(body, content_type, "gzip" if compressed else None)

    def _update(self, metrics: Iterable[Metric]) -> None:
        families = {}
        for metric in metrics:
            known = self._families.get(metric.name)
            if known is None or known.metric != metric:
                known = _Family(metric, {})
            families[metric.name] = known
        self._families = families
        self._bodies.clear()

    def _body(self, form: "_Form") -> bytes:
        # What a format puts after the last family, it puts after one family too.
        end = form.encode([])
        for family in self._families.values():
            if form not in family.texts:
                family.texts[form] = form.encode([family.metric]).removesuffix(end)
        return b"".join(family.texts[form] for family in self._families.values()) + end


class _Form(NamedTuple):
    """One of the six ways in which families can be written."""

    is_openmetrics: bool
    escaping: str = openmetrics.ALLOWUTF8

    def encode(self, metrics: Iterable[Metric]) -> bytes:
        generate = openmetrics.generate_latest if self.is_openmetrics else exposition.generate_latest
        return generate(_Collected(metrics), escaping=self.escaping)


class _Family(NamedTuple):
    metric: Metric
    texts: dict[_Form, bytes]


def _negotiate(accept: str) -> tuple[_Form, str]:
    """The form and its content type for an ``Accept`` header.

    The client library's choose_encoder answers any newer version by its own name, whatever it writes.
    """
    for accepted in accept.split(","):
        media_type, parameters = _parameters(accepted)
        version, escaping = parameters.get("version", ""), parameters.get("escaping")
        if escaping not in _ESCAPINGS:
            escaping = openmetrics.UNDERSCORES
        if _is_zero(parameters):
            continue
        if media_type == "application/openmetrics-text" and not version:
            return _Form(is_openmetrics=True), openmetrics.CONTENT_TYPE_LATEST
        if media_type in _LATEST and version == "1.0.0":
            content_type = f"{_LATEST[media_type]}; escaping={escaping}"
            if escaping == openmetrics.UNDERSCORES:
                # All names here are legal everywhere; to replace no character of them takes as long as all
                # the rest.
                escaping = openmetrics.ALLOWUTF8
            return _Form(media_type != "text/plain", escaping), content_type
    return _Form(is_openmetrics=False), exposition.CONTENT_TYPE_PLAIN_0_0_4


def _accepts_gzip(accept_encoding: str) -> bool:
    for part in accept_encoding.split(","):
        coding, parameters = _parameters(part)
        if coding == "gzip":
            return not _is_zero(parameters)
    return False


def _parameters(value: str) -> tuple[str, dict[str, str]]:
    """One value of a header and its parameters, the names of both in lower case."""
    name, *parameters = value.split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return name.strip().lower(), {key.strip().lower(): text.strip() for key, _, text in pairs}


def _is_zero(parameters: Mapping[str, str]) -> bool:
    """Whether the client refuses the value that these belong to: RFC 9110, 12.4.2."""
    return _ZERO.fullmatch(parameters.get("q", "1")) is not None


class _Collected(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics
