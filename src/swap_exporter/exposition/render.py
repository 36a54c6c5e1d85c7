"""The table of metrics, filled from an assessment, as text in the format that a scraper asks for."""

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
from swap_exporter.exposition.cgroups import CGROUPS
from swap_exporter.exposition.devices import DEVICES
from swap_exporter.exposition.exporter import EXPORTER, RELOAD, Reload
from swap_exporter.exposition.groups import GROUPS
from swap_exporter.exposition.host import HOST
from swap_exporter.exposition.row import collect

_LATEST = {
    "application/openmetrics-text": openmetrics.CONTENT_TYPE_LATEST,
    "text/plain": exposition.CONTENT_TYPE_LATEST,
}
"""Content types of version 1.0.0."""
_ESCAPINGS = (openmetrics.ALLOWUTF8, openmetrics.UNDERSCORES, openmetrics.DOTS, openmetrics.VALUES)
_ZERO = re.compile(r"0(\.0*)?")

TABLE = {"Groups": GROUPS, "Host": HOST, "Swap devices": DEVICES, "Cgroups": CGROUPS, "Exporter": EXPORTER}
"""The rows that are filled from an assessment, by subject and in the order of the exposition."""


class Rendered(NamedTuple):
    body: bytes
    content_type: str
    encoding: str | None


def families(
    assessment: Assessment, reload: Reload | None = None, *, with_history: bool = True
) -> Iterator[Metric]:
    """All families of an assessment. ``with_history=False`` leaves out what a single sample cannot give."""
    for rows in TABLE.values():
        yield from collect((row for row in rows if with_history or not row.needs_history), assessment)
    if reload is not None:
        yield from collect(RELOAD, reload)


def render(metrics: Iterable[Metric], accept: str = "", accept_encoding: str = "") -> Rendered:
    """Encode families as a scraper asks in its ``Accept`` and ``Accept-Encoding`` headers."""
    return Renderer().render(metrics, accept, accept_encoding)


class Renderer:
    """Encodes families, an unchanged one only once: with many groups, encoding takes longer than the rest of
    a scrape, and on a host at rest hardly a family changes. Safe for any number of threads."""

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
        """As :func:`render`. ``of`` identifies the source of the families: the next call with an equal one
        does not read its ``metrics``, and returns the same body for the same format and encoding."""
        form, content_type = _negotiate(accept)
        compressed = _accepts_gzip(accept_encoding)
        # One after the other: simultaneous scrapes share the work, and the memory that it takes.
        with self._lock:
            if of is None or of != self._of:
                self._families = {metric.name: self._family(metric) for metric in metrics}
                self._bodies.clear()
                self._of = of
            body = self._bodies.get((form, compressed))
            if body is None:
                body = self._encode(form)
                if compressed:
                    # The text repeats itself so much that the fastest level is enough.
                    body = gzip.compress(body, compresslevel=1, mtime=0)
                self._bodies[form, compressed] = body
        return Rendered(body, content_type, "gzip" if compressed else None)

    def _family(self, metric: Metric) -> "_Family":
        last = self._families.get(metric.name)
        return last if last is not None and last.metric == metric else _Family(metric, {})

    def _encode(self, form: "_Form") -> bytes:
        # A format ends with the same bytes after one family as after all.
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
    """In the forms that were asked for."""


def _negotiate(accept: str) -> tuple[_Form, str]:
    """The form and its content type for an ``Accept`` header.

    The client library's choose_encoder names any newer version that a client asks for, and writes 1.0.0.
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
                # Every name here is legal in all formats. Looking for characters to replace takes as long as
                # all the rest.
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
    """Whether the client refuses the value with these parameters: RFC 9110, 12.4.2."""
    return _ZERO.fullmatch(parameters.get("q", "1")) is not None


class _Collected(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics
