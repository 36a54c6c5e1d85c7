"""TLS as a client meets it; what web.yml may say is in test_web_config.py."""

import datetime
import http.client
import shutil
import socket
import ssl
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from swap_exporter.http.tls import CIPHER_SUITES, has_allowed_san
from tests.http.authority import Authority, Identity
from tests.http.serving import GENEROUS, connect, get, read_to_end, serving


@pytest.fixture
def identity(authority: Authority) -> Identity:
    return authority.issue("server")


def web_yml(directory: Path, identity: Identity, *more: str) -> Path:
    path = directory / "web.yml"
    lines = (f"cert_file: {identity.certificate}", f"key_file: {identity.key}", *more)
    path.write_text("tls_server_config:\n" + "".join(f"  {line}\n" for line in lines))
    return path


def trusting(authority: Authority, client: Identity | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.certificate))
    if client:
        context.load_cert_chain(client.certificate, client.key)
    return context


def test_requests_are_answered_over_tls(authority: Authority, identity: Identity, tmp_path: Path) -> None:
    with serving(web_config=web_yml(tmp_path, identity)) as server:
        assert get(server, tls=trusting(authority)).read() == b"GET /  None"


def test_certificate_and_key_can_stand_in_the_file(
    authority: Authority, identity: Identity, tmp_path: Path
) -> None:
    def block(path: Path) -> str:
        return "|\n" + "".join(f"    {line}\n" for line in path.read_text().splitlines())

    config = tmp_path / "web.yml"
    config.write_text(
        f"tls_server_config:\n  cert: {block(identity.certificate)}\n  key: {block(identity.key)}\n"
    )
    with serving(web_config=config) as server:
        assert get(server, tls=trusting(authority)).status == 200


def test_a_client_that_speaks_plain_http_is_told(identity: Identity, tmp_path: Path) -> None:
    with serving(web_config=web_yml(tmp_path, identity)) as server, connect(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(65536).endswith(b"this port speaks HTTPS\n")


def test_a_handshake_that_does_not_end_is_cut(identity: Identity, tmp_path: Path) -> None:
    config = web_yml(tmp_path, identity)
    with serving(web_config=config, request_timeout=0.3) as server, connect(server) as client:
        client.sendall(bytes.fromhex("1603010200010001fc0303"))
        with pytest.raises(ConnectionResetError):
            read_to_end(client)


@pytest.mark.parametrize(
    ("lines", "version", "cipher"),
    [
        ((), "TLSv1.3", None),
        (("max_version: TLS12",), "TLSv1.2", None),
        (
            ("max_version: TLS12", "cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]"),
            "TLSv1.2",
            "ECDHE-ECDSA-CHACHA20-POLY1305",
        ),
        # HTTP/2 would demand another suite; here is none.
        (
            ("max_version: TLS12", "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]"),
            "TLSv1.2",
            "ECDHE-ECDSA-AES256-GCM-SHA384",
        ),
        (("cipher_suites: [TLS_AES_128_GCM_SHA256]",), "TLSv1.3", None),
        (("curve_preferences: [CurveP384]", "prefer_server_cipher_suites: false"), "TLSv1.3", None),
    ],
)
def test_versions_and_cipher_suites_are_as_configured(
    authority: Authority,
    identity: Identity,
    tmp_path: Path,
    lines: tuple[str, ...],
    version: str,
    cipher: str | None,
) -> None:
    with (
        serving(web_config=web_yml(tmp_path, identity, *lines)) as server,
        trusting(authority).wrap_socket(connect(server), server_hostname="127.0.0.1") as client,
    ):
        assert client.version() == version
        found = client.cipher()
    assert found
    assert cipher in (None, found[0])


def test_a_client_below_the_lowest_version_is_refused(
    authority: Authority, identity: Identity, tmp_path: Path
) -> None:
    context = trusting(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    for line in ("min_version: TLS13", "cipher_suites: [TLS_AES_128_GCM_SHA256]"):
        with serving(web_config=web_yml(tmp_path, identity, line)) as server, pytest.raises(ssl.SSLError):
            get(server, tls=context)


def test_every_name_is_known_to_openssl() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for name in filter(None, CIPHER_SUITES.values()):
        context.set_ciphers(name)
        assert name in [cipher["name"] for cipher in context.get_ciphers()]


@pytest.mark.parametrize(
    ("auth", "client_sans", "allowed", "answered"),
    [
        ("RequireAndVerifyClientCert", None, None, False),
        ("RequireAndVerifyClientCert", ["prometheus"], None, True),
        ("RequireAndVerifyClientCert", ["prometheus"], "[other, prometheus]", True),
        ("RequireAndVerifyClientCert", ["prometheus"], "[prometheus.example]", False),
        ("VerifyClientCertIfGiven", None, None, True),
        ("VerifyClientCertIfGiven", ["prometheus"], None, True),
    ],
)
def test_client_certificates_are_asked_for_as_configured(
    authority: Authority,
    identity: Identity,
    tmp_path: Path,
    auth: str,
    client_sans: list[str] | None,
    allowed: str | None,
    answered: bool,
) -> None:
    lines = [f"client_auth_type: {auth}", f"client_ca_file: {authority.certificate}"]
    if allowed:
        lines.append(f"client_allowed_sans: {allowed}")
    context = trusting(authority, authority.issue("client", sans=client_sans) if client_sans else None)
    with serving(web_config=web_yml(tmp_path, identity, *lines)) as server:
        assert is_answered(server.addresses[0], context) is answered


@pytest.mark.parametrize("auth", ["RequireAndVerifyClientCert", "VerifyClientCertIfGiven"])
def test_a_certificate_of_another_authority_is_refused(
    authority: Authority, identity: Identity, tmp_path: Path, auth: str
) -> None:
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    context = trusting(authority, Authority(stranger).issue("client"))
    lines = (f"client_auth_type: {auth}", f"client_ca_file: {authority.certificate}")
    with serving(web_config=web_yml(tmp_path, identity, *lines)) as server:
        assert not is_answered(server.addresses[0], context)


class Strict(ssl.SSLContext):
    """The default of contexts that verify more strictly, as Python 3.13 has them."""

    def __new__(cls, *arguments: Any) -> "Strict":
        context = super().__new__(cls, *arguments)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context


@pytest.mark.parametrize("context_class", [ssl.SSLContext, Strict])
def test_a_client_certificate_without_authority_key_identifier_is_accepted(
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    context_class: type[ssl.SSLContext],
) -> None:
    ours = SimpleNamespace(**{**vars(ssl), "SSLContext": context_class})
    monkeypatch.setattr("swap_exporter.http.tls.ssl", ours)
    ca, client = without_key_identifiers(tmp_path)
    lines = ("client_auth_type: RequireAndVerifyClientCert", f"client_ca_file: {ca}")
    config = web_yml(tmp_path, authority.issue("server"), *lines)
    with serving(web_config=config) as server:
        assert is_answered(server.addresses[0], trusting(authority, client))
        assert not is_answered(server.addresses[0], trusting(authority))


def without_key_identifiers(directory: Path) -> tuple[Path, Identity]:
    """An authority's certificate, and one that it has issued to a client: no identifier in either."""
    now = datetime.datetime.now(datetime.UTC)
    ca_key, client_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def certificate(subject: str, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> bytes:
        builder = x509.CertificateBuilder(
            issuer_name=name("CA"),
            subject_name=name(subject),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - datetime.timedelta(days=1),
            not_valid_after=now + datetime.timedelta(days=1),
        ).add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    ca = directory / "plain-ca.crt"
    ca.write_bytes(certificate("CA", ca_key, ca=True))
    client = Identity(directory / "plain-client.crt", directory / "plain-client.key")
    client.certificate.write_bytes(certificate("client", client_key, ca=False))
    client.key.write_bytes(
        client_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return ca, client


def is_answered(address: str, context: ssl.SSLContext) -> bool:
    with closing(http.client.HTTPSConnection(address, timeout=GENEROUS, context=context)) as connection:
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


@pytest.mark.parametrize(
    ("sans", "allowed", "is_allowed"),
    [
        ([("DNS", "a"), ("DNS", "b")], ["b"], True),
        ([("email", "a@example.org")], ["a@example.org"], True),
        ([("URI", "spiffe://a/b")], ["spiffe://a/b"], True),
        ([("IP Address", "2001:DB8:0:0:0:0:0:1")], ["2001:db8::1"], True),
        ([("IP Address", "<invalid>")], ["<invalid>"], False),
        ([("DirName", "a")], ["a"], False),
        ([("DNS", "a")], ["A"], False),
        ([], ["a"], False),
    ],
)
def test_allowed_names_are_compared_exactly(
    sans: list[tuple[str, str]], allowed: list[str], is_allowed: bool
) -> None:
    assert has_allowed_san({"subjectAltName": tuple(sans)}, allowed) is is_allowed


def test_no_certificate_has_no_allowed_name() -> None:
    assert not has_allowed_san(None, ["a"])
    assert not has_allowed_san({}, ["a"])


def test_a_renewed_certificate_is_used_without_a_restart(authority: Authority, tmp_path: Path) -> None:
    in_use = Identity(tmp_path / "in-use.crt", tmp_path / "in-use.key")

    def install(identity: Identity) -> None:
        shutil.copy(identity.certificate, in_use.certificate)
        shutil.copy(identity.key, in_use.key)

    def presented() -> bytes | None:
        with trusting(authority).wrap_socket(connect(server), server_hostname="127.0.0.1") as client:
            return client.getpeercert(binary_form=True)

    install(authority.issue("old"))
    with serving(web_config=web_yml(tmp_path, in_use)) as server:
        old = presented()
        assert presented() == old
        renewed = authority.issue("renewed")
        # Certificate first, key later: between the two they do not fit, and the old ones go on.
        shutil.copy(renewed.certificate, in_use.certificate)
        assert presented() == old
        in_use.key.unlink()
        assert presented() == old
        install(renewed)
        assert presented() == ssl.PEM_cert_to_DER_cert(renewed.certificate.read_text())


def test_a_slow_handshake_keeps_nobody_waiting(
    authority: Authority, identity: Identity, tmp_path: Path
) -> None:
    with serving(web_config=web_yml(tmp_path, identity)) as server:
        slow: list[socket.socket] = [connect(server) for _ in range(20)]
        time.sleep(0.1)
        assert get(server, tls=trusting(authority)).status == 200
        for client in slow:
            client.close()
