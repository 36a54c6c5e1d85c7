"""TLS as web.yml configures it, within the limits of Python's ssl."""

import os
import platform
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from swap_exporter import regular_file

CIPHER_SUITES: Mapping[str, str | None] = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    # All TLS 1.3 suites are always offered. They are not configurable in Go's crypto/tls either.
    "TLS_AES_128_GCM_SHA256": None,
    "TLS_AES_256_GCM_SHA384": None,
    "TLS_CHACHA20_POLY1305_SHA256": None,
}
"""Go's names, tls.CipherSuites(), to OpenSSL's."""

CURVES: Mapping[str, str] = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}
VERSIONS: Mapping[str, ssl.TLSVersion] = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
CLIENT_AUTH_TYPES: Mapping[str, ssl.VerifyMode] = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}

_UNIFIED_NAMES = {"DNS", "email", "URI"}


class TlsError(Exception):
    """An unusable certificate, key or CA; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class Pem:
    """PEM text, or the path of a PEM file."""

    source: Path | str

    def read(self) -> bytes:
        """Raises TlsError."""
        if isinstance(self.source, str):
            return self.source.encode()
        try:
            return regular_file.read(self.source)
        except OSError as error:
            raise TlsError(f"cannot read {self.source}: {error.strerror}") from None

    def __repr__(self) -> str:
        return f"Pem({self.source})" if isinstance(self.source, Path) else "Pem(...)"

    def __str__(self) -> str:
        return str(self.source) if isinstance(self.source, Path) else "the inline text"


@dataclass(frozen=True, slots=True)
class Tls:
    """The section tls_server_config."""

    cert: Pem
    key: Pem
    client_ca: Pem | None = None
    client_auth: ssl.VerifyMode = ssl.CERT_NONE
    client_allowed_sans: tuple[str, ...] = ()
    min_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    max_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    cipher_suites: tuple[str, ...] = ()
    """Go's names."""
    prefer_server_cipher_suites: bool = True
    curve: str | None = None
    """Go's name."""

    def files(self) -> tuple[Path, ...]:
        """The files to watch for changes."""
        pems = (self.cert, self.key, self.client_ca)
        return tuple(pem.source for pem in pems if pem and isinstance(pem.source, Path))


def unavailable_curve(name: str) -> str | None:
    """Why this Python cannot use a curve of CURVES; None if it can.

    Tries it: Debian 12's Python 3.11.2 refuses X25519 although its OpenSSL has it.
    """
    return _unavailable(lambda context: context.set_ecdh_curve(CURVES[name]))


def unavailable_cipher_suite(name: str) -> str | None:
    """Why this Python cannot use a suite of CIPHER_SUITES; None if it can."""
    suite = CIPHER_SUITES[name]
    return _unavailable(lambda context: context.set_ciphers(suite)) if suite else None


def build_context(tls: Tls) -> ssl.SSLContext:
    """The context for handshakes. Reads the files; raises TlsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = tls.min_version
    context.maximum_version = tls.max_version
    context.options |= ssl.OP_NO_RENEGOTIATION
    if not tls.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    chosen = [name for suite in tls.cipher_suites if (name := CIPHER_SUITES[suite])]
    if chosen:
        context.set_ciphers(":".join(chosen))
    elif tls.cipher_suites:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    if tls.curve:
        context.set_ecdh_curve(CURVES[tls.curve])
    context.set_alpn_protocols(["http/1.1"])
    _load_identity(context, tls.cert, tls.key)
    if tls.client_ca:
        _load_client_ca(context, tls.client_ca)
    context.verify_mode = tls.client_auth
    return allow_missing_extensions(context)


def allow_missing_extensions(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same context, which accepts certificates as Go's crypto/tls does in all versions of Python.

    Python 3.13 requires extensions of RFC 5280 that private CAs often omit, such as the Authority Key
    Identifier.
    """
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def has_allowed_san(certificate: Mapping[str, object] | None, allowed: Sequence[str]) -> bool:
    """Whether a verified certificate, as getpeercert returns it, has one of these SANs."""
    names = certificate.get("subjectAltName", ()) if certificate else ()
    assert isinstance(names, tuple)
    return any(_canonical(kind, value) in allowed for kind, value in names)


def _unavailable(setting: Callable[[ssl.SSLContext], None]) -> str | None:
    try:
        setting(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    except (ssl.SSLError, ValueError):
        return f"Python {platform.python_version()} with {ssl.OPENSSL_VERSION} cannot use it"
    return None


def _canonical(kind: str, value: str) -> str | None:
    if kind == "IP Address":
        try:
            return str(ip_address(value))
        except ValueError:
            return None
    return value if kind in _UNIFIED_NAMES else None


def _load_identity(context: ssl.SSLContext, cert: Pem, key: Pem) -> None:
    # Read both first: the errors of OpenSSL do not name the file.
    with _as_file(cert.read()) as cert_path, _as_file(key.read()) as key_path:
        try:
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(cert_path, key_path, password="")
        except (ssl.SSLError, ValueError, OSError) as error:
            problem = "not a PEM certificate and its key"
            if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
                problem = "the key does not belong to the certificate"
            raise TlsError(f"cannot use {cert} with {key}: {problem}") from None


def _load_client_ca(context: ssl.SSLContext, client_ca: Pem) -> None:
    try:
        context.load_verify_locations(cadata=client_ca.read().decode("ascii", "ignore"))
    except (ssl.SSLError, ValueError):
        raise TlsError(f"cannot use {client_ca}: not PEM certificates") from None


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    # load_cert_chain takes only paths, and a key must not be written to disk.
    descriptor = os.memfd_create("pem")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
