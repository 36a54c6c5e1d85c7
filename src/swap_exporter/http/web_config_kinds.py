"""Kinds of values that web.yml has, and the TLS versions, which the file of --http.config.file has too."""

import re
from collections.abc import Callable, Mapping
from ssl import CERT_NONE, TLSVersion, VerifyMode
from typing import TypeVar

from swap_exporter.config.scalar import Kind, KindError
from swap_exporter.config.section import Section
from swap_exporter.http.tls import CLIENT_AUTH_TYPES, VERSIONS

T = TypeVar("T")

_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ns|us|µs|ms|s|m|h))+")
_DURATION_PART = re.compile(r"([0-9.]+)([a-zµ]+)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "y"), True),
    **dict.fromkeys(("false", "no", "off", "n"), False),
}
_UNVERIFIED = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")


def go_duration() -> Kind[float]:
    """Seconds, in the syntax of Go's time.ParseDuration."""
    expected = "a duration such as 1s"

    def parse(text: str) -> float:
        if text == "0":
            return 0.0
        if not _DURATION.fullmatch(text):
            raise KindError(expected)
        return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))

    return Kind(expected, parse, quotes=True)


def go_boolean() -> Kind[bool]:
    """A boolean of YAML 1.1, as the exporter-toolkit accepts it: also ``yes`` and ``off``."""
    expected = "true or false"

    def parse(text: str) -> bool:
        value = _BOOLEANS.get(text.lower())
        if value is None or text not in (text.lower(), text.title(), text.upper()):
            raise KindError(expected)
        return value

    return Kind(expected, parse)


def client_auth_type() -> Kind[VerifyMode]:
    return _one_of(
        CLIENT_AUTH_TYPES,
        lambda text: ": Python's ssl always verifies client certificates" if text in _UNVERIFIED else "",
        empty=CERT_NONE,
    )


def tls_versions(section: Section) -> tuple[TLSVersion, TLSVersion]:
    """The values of ``min_version`` and ``max_version``."""
    version = _one_of(
        VERSIONS, lambda text: ": OpenSSL 3 supports nothing older" if text in ("TLS10", "TLS11") else ""
    )
    lowest = section.scalar("min_version", version, TLSVersion.TLSv1_2)
    highest = section.scalar("max_version", version, TLSVersion.TLSv1_3)
    if lowest > highest:
        section.mistake("found a min_version above max_version")
    return lowest, highest


def _one_of(known: Mapping[str, T], hint: Callable[[str], str], empty: T | None = None) -> Kind[T]:
    def parse(text: str) -> T:
        if text == "" and empty is not None:
            return empty
        if text not in known:
            raise KindError(f"{' or '.join(known)}{hint(text)}")
        return known[text]

    return Kind(" or ".join(known), parse, quotes=True)
