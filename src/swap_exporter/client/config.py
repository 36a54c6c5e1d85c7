"""Credentials and TLS settings for requests to an exporter: the file format of promtool's --http.config.file.

https://prometheus.io/docs/prometheus/latest/configuration/configuration/#http_config describes the format.
Keys that an exporter does not need (proxies, OAuth, redirects) are refused like any other unknown key.
"""

import re
import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path

from swap_exporter.config.document import compose, read_file
from swap_exporter.config.mistakes import ConfigError, Mistakes, quoted
from swap_exporter.config.scalar import boolean
from swap_exporter.config.section import Section, Text
from swap_exporter.http.message import TOKEN
from swap_exporter.http.tls import allow_missing_extensions
from swap_exporter.http.web_config_kinds import tls_versions

_KEYS = ("basic_auth", "authorization", "tls_config")
_BASIC_KEYS = ("username", "username_file", "password", "password_file")
_AUTHORIZATION_KEYS = ("type", "credentials", "credentials_file")
_TLS_KEYS = (
    "ca",
    "ca_file",
    "cert_file",
    "key_file",
    "server_name",
    "insecure_skip_verify",
    "min_version",
    "max_version",
)
_CREDENTIALS = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class HttpConfig:
    """The settings of a request beside its URL."""

    authorization: str | None = field(default=None, repr=False)
    """The value of the Authorization header."""
    context: ssl.SSLContext | None = None
    """``None``: :func:`default_context`."""
    server_name: str | None = None
    """The name expected in the certificate; ``None``: the host of the URL."""


def default_context() -> ssl.SSLContext:
    """A context that trusts the system's CAs."""
    return allow_missing_extensions(ssl.create_default_context())


def load_http_config(path: str) -> HttpConfig:
    """Read the file and the files that it names, relative to its directory. Raises ConfigError."""
    content = read_file(path, allow_pipe=True)
    mistakes = Mistakes(path)
    root = Section(compose(content, path), "", _KEYS, mistakes)
    directory = Path(path).parent
    basic = root.section("basic_auth", _BASIC_KEYS)
    authorization = root.section("authorization", _AUTHORIZATION_KEYS)
    tls = root.section("tls_config", _TLS_KEYS)
    if basic.node and authorization.node:
        authorization.mistake("found authorization beside basic_auth, expected one of the two")
    header = _basic(basic, directory) or _other_scheme(authorization, directory)
    server_name = tls.text("server_name")
    context = _context(tls, directory)
    mistakes.raise_any()
    return HttpConfig(header, context, server_name.value if server_name and server_name.value else None)


def _basic(section: Section, directory: Path) -> str | None:
    if section.node is None:
        return None
    username = _value(section, "username", directory)
    password = _value(section, "password", directory)
    for name, value in (("username", username), ("password", password)):
        if value is None:
            section.mistake(f"found neither {name} nor {name}_file, expected one of them")
    if username is None or password is None:
        return None
    if ":" in username:
        section.mistake(f"found the user name {quoted(username)}, expected one without a colon")
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


def _other_scheme(section: Section, directory: Path) -> str | None:
    if section.node is None:
        return None
    scheme = section.text("type")
    credentials = _value(section, "credentials", directory)
    if scheme is not None and (not TOKEN.fullmatch(scheme.value) or scheme.value.lower() == "basic"):
        section.mistake(f"found {quoted(scheme.value)}, expected a scheme such as Bearer, not Basic", scheme)
    if credentials is None:
        section.mistake("found neither credentials nor credentials_file, expected one of them")
    elif not _CREDENTIALS.fullmatch(credentials):
        section.mistake("found credentials with other characters, expected printable ASCII without blanks")
    return f"{scheme.value if scheme else 'Bearer'} {credentials}"


def _value(section: Section, name: str, directory: Path) -> str | None:
    """The inline value, or the content of the file without surrounding whitespace, as in Prometheus."""
    inline, file = section.text(name), section.text(f"{name}_file")
    if inline is not None and file is not None:
        section.mistake(f"found {name} too, expected one of the two", file)
    if inline is not None:
        return inline.value
    return None if file is None else _read(section, file, directory).strip()


def _read(section: Section, file: Text, directory: Path) -> str:
    """The content of a file; "" and a mistake if it cannot be read."""
    path = str(directory / file.value)
    try:
        return read_file(path, allow_pipe=True).decode()
    except UnicodeDecodeError:
        section.mistake(f"{path}: is not UTF-8", file)
    except ConfigError as error:
        section.mistake(str(error), file)
    return ""


def _context(section: Section, directory: Path) -> ssl.SSLContext | None:
    if section.node is None:
        return None
    ca = section.text("ca") or section.text("ca_file")
    context = default_context() if ca is None else _context_with_ca(ca, section, directory)
    if section.scalar("insecure_skip_verify", boolean(), False):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version, context.maximum_version = tls_versions(section)
    _load_client_certificate(section, directory, context)
    return context


def _context_with_ca(ca: Text, section: Section, directory: Path) -> ssl.SSLContext:
    """A context that trusts only this CA."""
    context = allow_missing_extensions(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    pem = _value(section, "ca", directory)
    try:
        # Comments around the certificates can have non-ASCII characters.
        context.load_verify_locations(cadata=(pem or "").encode("ascii", "ignore").decode())
    except (ssl.SSLError, ValueError):
        section.mistake("expected certificates in PEM form", ca)
    return context


def _load_client_certificate(section: Section, directory: Path, context: ssl.SSLContext) -> None:
    certificate, key = section.text("cert_file"), section.text("key_file")
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        section.mistake("found one of cert_file and key_file, expected both or neither")
        return
    readable = all([_read(section, certificate, directory), _read(section, key, directory)])
    if not readable:
        return
    try:
        # An empty password, or OpenSSL would prompt for one at the terminal.
        context.load_cert_chain(directory / certificate.value, directory / key.value, password="")
    except (ssl.SSLError, OSError):
        section.mistake("expected a certificate and its key without a password, in PEM form", certificate)
