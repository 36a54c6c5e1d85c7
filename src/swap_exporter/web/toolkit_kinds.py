"""The kinds of values that only web.yml has."""

import re
from collections.abc import Callable, Mapping
from ssl import TLSVersion, VerifyMode
from typing import TypeVar

from swap_exporter.config.scalar import Kind, KindError
from swap_exporter.web.tls import CLIENT_AUTH_TYPES, VERSIONS

T = TypeVar("T")

_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ns|us|µs|ms|s|m|h))+")
_DURATION_PART = re.compile(r"([0-9.]+)([a-zµ]+)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_UNVERIFIED = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")


def go_duration() -> Kind[float]:
    """Seconds, written as Go's time.ParseDuration reads them."""
    expected = "a duration such as 1s"

    def parse(text: str) -> float:
        if text == "0":
            return 0.0
        if not _DURATION.fullmatch(text):
            raise KindError(expected)
        return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))

    return Kind(expected, parse, quotes=True)


def client_auth_type() -> Kind[VerifyMode]:
    return _one_of(
        CLIENT_AUTH_TYPES,
        lambda text: (
            ": Python's ssl verifies every certificate that it asks for" if text in _UNVERIFIED else ""
        ),
    )


def tls_version() -> Kind[TLSVersion]:
    return _one_of(
        VERSIONS, lambda text: ": OpenSSL 3 speaks nothing older" if text in ("TLS10", "TLS11") else ""
    )


def _one_of(known: Mapping[str, T], why: Callable[[str], str]) -> Kind[T]:
    def parse(text: str) -> T:
        if text not in known:
            raise KindError(f"{' or '.join(known)}{why(text)}")
        return known[text]

    return Kind(" or ".join(known), parse, quotes=True)
