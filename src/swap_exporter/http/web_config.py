"""Reads web.yml, the configuration of exporter-toolkit (v0.17). Strict: unsupported settings are mistakes.

docs/web.md lists the differences from the toolkit, with reasons.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from ssl import CERT_NONE, CERT_REQUIRED, TLSVersion, VerifyMode

from yaml import MappingNode, Node

from swap_exporter import regular_file
from swap_exporter.config.document import compose, pairs
from swap_exporter.config.mistakes import ConfigError, Mistakes, quoted
from swap_exporter.config.scalar import whole_number
from swap_exporter.config.section import Section
from swap_exporter.http.rate_limit import RateLimit
from swap_exporter.http.tls import (
    CIPHER_SUITES,
    CURVES,
    Pem,
    Tls,
    TlsError,
    build_context,
    unavailable_cipher_suite,
    unavailable_curve,
)
from swap_exporter.http.users import BCRYPT_HASH
from swap_exporter.http.web_config_kinds import client_auth_type, go_boolean, go_duration, tls_versions

_KEYS = ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")
_TLS_KEYS = (
    "cert_file",
    "key_file",
    "cert",
    "key",
    "client_auth_type",
    "client_ca_file",
    "client_ca",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
)
_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
_EMPTY = re.compile(rb"(?:\s|#[^\n]*(?:\n|$)|---(?=\s))*")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]+")


class WebConfigError(ConfigError):
    """An unusable web.yml."""


@dataclass(frozen=True, slots=True)
class WebConfig:
    """The content of a web.yml; the defaults mean plain HTTP for all clients."""

    path: Path
    """The file, for reloading."""
    tls: Tls | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Added to every answer."""
    users: Mapping[str, str] = field(default_factory=dict)
    """bcrypt hashes by user name; empty: no password is needed."""
    rate_limit: RateLimit | None = None


def load_web_config(path: Path) -> WebConfig:
    """Read the file, and check the certificates that it names. Raises WebConfigError."""
    try:
        content = regular_file.read(path)
    except OSError as error:
        raise WebConfigError((f"{path}: {(error.strerror or str(error)).lower()}",)) from None
    return parse_web_config(content, path)


def parse_web_config(content: bytes, path: Path) -> WebConfig:
    """Parse the content of the file at `path`. The files that it names are relative to its directory."""
    if _EMPTY.fullmatch(content):
        return WebConfig(path)
    mistakes = Mistakes(str(path))
    try:
        node = compose(content, str(path))
        if node is None:
            return WebConfig(path)
        root = Section(node, "", _KEYS, mistakes)
        config = WebConfig(
            path,
            tls=_tls(root, path.parent),
            headers=_headers(root),
            users=_users(root, node),
            rate_limit=_rate_limit(root),
        )
        mistakes.raise_any()
    except ConfigError as error:
        raise WebConfigError(error.mistakes) from None
    return config


def _tls(root: Section, directory: Path) -> Tls | None:
    section = root.section("tls_server_config", _TLS_KEYS)
    if not isinstance(section.node, MappingNode) or not section.node.value:
        return None
    cert, key = _required_pem(section, "cert", directory), _required_pem(section, "key", directory)
    client_ca, client_auth, client_allowed_sans = _client_certificates(section, directory)
    min_version, max_version = tls_versions(section)
    cipher_suites = _cipher_suites(section, max_version)
    curve = _curve(section)
    prefer_server_cipher_suites = section.scalar("prefer_server_cipher_suites", go_boolean(), True)
    if cert is None or key is None:
        return None
    tls = Tls(
        cert=cert,
        key=key,
        client_ca=client_ca,
        client_auth=client_auth,
        client_allowed_sans=client_allowed_sans,
        min_version=min_version,
        max_version=max_version,
        cipher_suites=cipher_suites,
        prefer_server_cipher_suites=prefer_server_cipher_suites,
        curve=curve,
    )
    try:
        build_context(tls)
    except TlsError as error:
        section.mistake(str(error))
    return tls


def _client_certificates(section: Section, directory: Path) -> tuple[Pem | None, VerifyMode, tuple[str, ...]]:
    """The client CA, whether clients need a certificate of it, and the names that one must have."""
    ca = _pem(section, "client_ca", directory)
    auth = section.scalar("client_auth_type", client_auth_type(), CERT_NONE)
    sans = section.texts("client_allowed_sans")
    if ca and auth == CERT_NONE:
        section.mistake(
            "found a client CA without client_auth_type, expected RequireAndVerifyClientCert with it"
        )
    if auth != CERT_NONE and not ca:
        section.mistake("found client_auth_type without a client CA, expected client_ca_file")
    if sans == []:
        section.mistake("found client_allowed_sans without a name, expected at least one")
    if sans and auth != CERT_REQUIRED:
        section.mistake(
            "found client_allowed_sans, expected client_auth_type: RequireAndVerifyClientCert with it"
        )
    return ca, auth, tuple(san.value for san in sans or ())


def _cipher_suites(section: Section, max_version: TLSVersion) -> tuple[str, ...]:
    suites = _names(section, "cipher_suites", CIPHER_SUITES, unavailable_cipher_suite)
    if max_version < TLSVersion.TLSv1_3 and suites and not any(CIPHER_SUITES[suite] for suite in suites):
        section.mistake(
            "found only TLS 1.3 names in cipher_suites, expected one of TLS 1.2 with max_version: TLS12"
        )
    return suites


def _curve(section: Section) -> str | None:
    curves = _names(section, "curve_preferences", CURVES, unavailable_curve)
    if len(curves) > 1:
        section.mistake("found several curve_preferences, expected one: Python's ssl cannot offer a list")
    return curves[0] if curves else None


def _required_pem(section: Section, name: str, directory: Path) -> Pem | None:
    pem = _pem(section, name, directory)
    if pem is None:
        section.mistake(f"found neither {name}_file nor {name}, expected one of them")
    return pem


def _pem(section: Section, name: str, directory: Path) -> Pem | None:
    """PEM in the file NAME_file, or in place in NAME. Empty texts count as absent."""
    inline, file = section.text(name), section.text(f"{name}_file")
    if inline and inline.value and file and file.value:
        section.mistake(f"found {name}_file too, expected one of the two", inline)
    if file and file.value:
        return Pem(directory / file.value)
    return Pem(inline.value) if inline and inline.value else None


def _names(
    section: Section, key: str, known: Mapping[str, object], unavailable: Callable[[str], str | None]
) -> tuple[str, ...]:
    usable = []
    for text in section.texts(key) or ():
        if text.value not in known:
            section.mistake(f"found {quoted(text.value)}, expected some of {', '.join(known)}", text)
        elif why := unavailable(text.value):
            rest = ", ".join(name for name in known if not unavailable(name))
            section.mistake(f"found {quoted(text.value)}: {why}, expected some of {rest}", text)
        else:
            usable.append(text.value)
    return tuple(usable)


def _headers(root: Section) -> Mapping[str, str]:
    section = root.section("http_server_config", ("http2", "headers"))
    # Ignored: clients that prefer HTTP/2 fall back to HTTP/1.1.
    section.scalar("http2", go_boolean(), True)
    headers = section.section("headers", tuple(_HEADERS))
    values: dict[str, str] = {}
    for name, allowed in _HEADERS.items():
        text = headers.text(name)
        if not text or not text.value:
            continue
        if not _HEADER_VALUE.fullmatch(text.value):
            headers.mistake(f"found {quoted(text.value)}, expected printable ASCII on one line", text)
        elif allowed and text.value not in allowed:
            headers.mistake(f"found {quoted(text.value)}, expected {' or '.join(allowed)}", text)
        values[name] = text.value
    return values


def _users(root: Section, node: Node) -> Mapping[str, str]:
    # Any key is allowed, so list them first; reading the section below reports their mistakes.
    ignored = Mistakes("")
    entry = pairs(node, "", ignored).get("basic_auth_users") if isinstance(node, MappingNode) else None
    names = tuple(pairs(entry[1], "", ignored)) if entry and isinstance(entry[1], MappingNode) else ()
    section = root.section("basic_auth_users", names or ("alice",))
    users: dict[str, str] = {}
    for name in names:
        text = section.text(name)
        # HTTP ends the name at the first colon, so no client could use it.
        if ":" in name:
            section.mistake(f"found the user name {quoted(name)}, expected one without a colon")
        # Not quoted in the message: it may be the password itself.
        if text and BCRYPT_HASH.fullmatch(text.value):
            users[name] = text.value
        else:
            section.mistake(
                f"expected a bcrypt hash for {quoted(name)}, as 'htpasswd -nBC 10 NAME' prints it", text
            )
    if users and find_spec("bcrypt") is None:
        section.mistake("needs the bcrypt package: pip install 'swap-exporter[auth]'")
    return users


def _rate_limit(root: Section) -> RateLimit | None:
    section = root.section("rate_limit", ("interval", "burst"))
    interval = section.scalar("interval", go_duration(), 0.0)
    burst = section.scalar("burst", whole_number(at_least=0), 0)
    written = section.text("burst")
    if interval and (written is None or written.value == "0"):
        section.mistake("found no burst above 0, which would refuse every request; expected at least 1")
    return RateLimit(interval, burst) if interval and burst else None
