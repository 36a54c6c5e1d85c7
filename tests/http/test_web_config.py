import ssl
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swap_exporter.http.rate_limit import RateLimit
from swap_exporter.http.tls import CIPHER_SUITES, CURVES
from swap_exporter.http.web_config import WebConfig, WebConfigError, load_web_config, parse_web_config
from tests.http.authority import Authority

HASH = "$2y$10$" + "a" * 53
PATH = Path("/etc/exporter/web.yml")
SERVER = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"


@pytest.fixture(scope="module")
def directory(authority: Authority) -> Path:
    """Has ca.crt, server.crt and server.key, as one has them beside web.yml."""
    return authority.issue("server").certificate.parent


def mistakes(text: str, path: Path = PATH) -> list[str]:
    with pytest.raises(WebConfigError) as caught:
        parse_web_config(text.encode(), path)
    return [mistake.removeprefix(f"{path}:") for mistake in caught.value.mistakes]


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing\n", "---\n# nothing", "tls_server_config: {}", "tls_server_config:\n"]
)
def test_a_file_that_says_nothing_is_plain_http(text: str) -> None:
    assert parse_web_config(text.encode(), PATH) == WebConfig(PATH)


def test_files_are_relative_to_the_directory_of_web_yml(directory: Path) -> None:
    path = directory / "web.yml"
    path.write_text("tls_server_config: {cert_file: server.crt, key_file: ./server.key}")
    tls = load_web_config(path).tls
    assert tls
    assert tls.files() == (directory / "server.crt", directory / "server.key")


def test_everything_there_is_can_be_said_at_once(directory: Path) -> None:
    text = f"""
tls_server_config:
  cert_file: server.crt
  key_file: server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  client_allowed_sans: [prometheus, 10.0.0.1]
  min_version: TLS12
  max_version: "TLS13"
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [CurveP384]
http_server_config:
  http2: true
  headers:
    Strict-Transport-Security: max-age=31536000
    X-Content-Type-Options: nosniff
    X-Frame-Options: sameorigin
    X-XSS-Protection: 0
    Content-Security-Policy: default-src 'self'
basic_auth_users:
  alice: {HASH}
  bob: "{HASH}"
rate_limit: {{interval: 1m1.5s, burst: 20}}
"""
    config = parse_web_config(text.encode(), directory / "web.yml")
    assert config.tls
    assert config.tls.client_auth == ssl.CERT_REQUIRED
    assert config.tls.client_allowed_sans == ("prometheus", "10.0.0.1")
    assert config.tls.curve == "CurveP384"
    assert not config.tls.prefer_server_cipher_suites
    assert len(config.headers) == 5
    assert config.headers["X-XSS-Protection"] == "0"
    assert config.users == {"alice": HASH, "bob": HASH}
    assert config.rate_limit == RateLimit(61.5, 20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("basic_auth: {}", '1:1: unknown key "basic_auth", did you mean basic_auth_users?'),
        ("[]", "1:1: found a list, expected a mapping with keys such as tls_server_config"),
        ("{", "2:1: not valid YAML: "),
        ("basic_auth_users: {al: secret}", '1:24: basic_auth_users.al: expected a bcrypt hash for "al"'),
        ("basic_auth_users: {al: }", '1:19: basic_auth_users: expected a bcrypt hash for "al"'),
        ("basic_auth_users: [al]", "1:19: basic_auth_users: found a list, expected a mapping"),
        (f"basic_auth_users: {{'a:b': {HASH}}}", '1:19: basic_auth_users: found the user name "a:b"'),
        (f"basic_auth_users: {{a: {HASH}, a: {HASH}}}", '1:85: basic_auth_users: found the key "a" again'),
        ("rate_limit: {interval: 1s}", "1:13: rate_limit: found no burst above 0"),
        ("rate_limit: {interval: 1s, burst: 0}", "1:13: rate_limit: found no burst above 0"),
        (
            "rate_limit: {interval: 1s, burst: -1}",
            '1:35: rate_limit.burst: found "-1", expected a whole number',
        ),
        ("rate_limit: {interval: 1, burst: 1}", '1:24: rate_limit.interval: found "1", expected a duration'),
        ("http_server_config: {http2: 1}", '1:29: http_server_config.http2: found "1", expected true'),
        ('http_server_config: {http2: "yes"}', "1:29: http_server_config.http2: found the text"),
        ("http_server_config: {http2: yEs}", '1:29: http_server_config.http2: found "yEs", expected true'),
        ("{}\n---\nnonsense: 1\n", "2:1: not valid YAML: found a second document, expected one"),
        (
            "http_server_config: {headers: {Server: x}}",
            '1:32: http_server_config.headers: unknown key "Server"',
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: DENY}}",
            '1:49: http_server_config.headers.X-Frame-Options: found "DENY", expected deny or sameorigin',
        ),
        (
            'http_server_config: {headers: {X-XSS-Protection: "a\\r\\nSet-Cookie: b"}}',
            "1:50: http_server_config.headers.X-XSS-Protection: found",
        ),
        (
            "tls_server_config: {key_file: a}",
            "1:20: tls_server_config: found neither cert_file nor cert, expected one of them",
        ),
        (
            "tls_server_config: {cert_file: '', key_file: a}",
            "1:20: tls_server_config: found neither cert_file nor cert, expected one of them",
        ),
        (
            "tls_server_config: {cert_file: a, key_file: b}",
            "1:20: tls_server_config: cannot read /etc/exporter/a: No such file or directory",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, expected: str) -> None:
    found = mistakes(text)
    assert [mistake[: len(expected)] for mistake in found] == [expected]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cert: inline", "found cert_file too, expected one of the two"),
        (
            "client_auth_type: RequireAnyClientCert",
            "Python's ssl always verifies client certificates",
        ),
        ("client_auth_type: RequestClientCert", "Python's ssl always verifies client certificates"),
        ("client_auth_type: nobody", "expected NoClientCert or VerifyClientCertIfGiven or RequireAndVerify"),
        ("client_auth_type: RequireAndVerifyClientCert", "found client_auth_type without a client CA"),
        ("client_ca_file: ca.crt", "found a client CA without client_auth_type"),
        ("client_allowed_sans: [a]", "expected client_auth_type: RequireAndVerifyClientCert with it"),
        ("client_allowed_sans: []", "found client_allowed_sans without a name"),
        ("min_version: TLS10", "OpenSSL 3 supports nothing older"),
        ("max_version: SSL30", 'found "SSL30", expected TLS12 or TLS13'),
        ("{min_version: TLS13, max_version: TLS12}", "found a min_version above max_version"),
        ("cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]", 'cipher_suites[0]: found "TLS_RSA_WITH_RC4_128_SHA"'),
        ("{cipher_suites: [TLS_AES_128_GCM_SHA256], max_version: TLS12}", "found only TLS 1.3 names"),
        ("curve_preferences: [CurveP256, CurveP384]", "Python's ssl cannot offer a list"),
        ("{cert: inline, client_auth_type: ''}", "found cert_file too, expected one of the two"),
        (
            "{client_ca_file: ca.crt, client_ca: x, client_auth_type: RequireAndVerifyClientCert}",
            "found client_ca_file too, expected one of the two",
        ),
        ("{client_ca_file: ca.crt, client_auth_type: ''}", "found a client CA without client_auth_type"),
        ("curve_preferences: [P-256]", 'curve_preferences[0]: found "P-256", expected some of CurveP256'),
        ("{client_ca_file: server.key, client_auth_type: VerifyClientCertIfGiven}", "not PEM certificates"),
    ],
)
def test_what_tls_cannot_do_is_refused(directory: Path, line: str, expected: str) -> None:
    more = line.strip("{}")
    text = f"tls_server_config: {{cert_file: server.crt, key_file: server.key, {more}}}"
    found = mistakes(text, directory / "web.yml")
    assert len(found) == 1
    assert expected in found[0]


@pytest.mark.parametrize("curve", CURVES)
def test_a_curve_is_usable_or_refused_with_its_place(directory: Path, curve: str) -> None:
    """Debian 12's Python 3.11.2 cannot use X25519, for one."""
    text = f"{SERVER}  curve_preferences: [{curve}]\n"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ecdh_curve(CURVES[curve])
    except (ssl.SSLError, ValueError):
        (mistake,) = mistakes(text, directory / "web.yml")
        assert mistake.startswith(f'4:23: tls_server_config.curve_preferences[0]: found "{curve}": Python 3.')
        assert mistake.endswith("cannot use it, expected some of CurveP256, CurveP384, CurveP521")
    else:
        tls = parse_web_config(text.encode(), directory / "web.yml").tls
        assert tls
        assert tls.curve == curve


@pytest.mark.parametrize(("key", "known"), [("curve_preferences", CURVES), ("cipher_suites", CIPHER_SUITES)])
def test_what_this_ssl_cannot_use_is_refused_with_its_place(
    directory: Path, monkeypatch: pytest.MonkeyPatch, key: str, known: dict[str, str | None]
) -> None:
    """A name that OpenSSL has never had, as a name that one of its builds lacks."""
    monkeypatch.setitem(known, "Lacking", "lacking")
    text = f"{SERVER}  {key}:\n    - Lacking\n"
    (mistake,) = mistakes(text, directory / "web.yml")
    assert mistake.startswith(f'5:7: tls_server_config.{key}[0]: found "Lacking": Python 3.')
    assert "Lacking" not in mistake.partition("expected")[2]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("YES", True),
        ("On", True),
        ("y", True),
        ("false", False),
        ("no", False),
        ("Off", False),
        ("N", False),
    ],
)
def test_truth_values_are_those_of_the_toolkit(directory: Path, text: str, value: bool) -> None:
    config = (
        "tls_server_config: {cert_file: server.crt, key_file: server.key, "
        f"prefer_server_cipher_suites: {text}}}\nhttp_server_config: {{http2: {text}}}\n"
    )
    tls = parse_web_config(config.encode(), directory / "web.yml").tls
    assert tls
    assert tls.prefer_server_cipher_suites is value


@pytest.mark.parametrize("text", ["''", '""', ""])
def test_an_empty_client_auth_type_asks_for_no_certificate(directory: Path, text: str) -> None:
    config = f"tls_server_config: {{cert_file: server.crt, key_file: server.key, client_auth_type: {text}}}"
    tls = parse_web_config(config.encode(), directory / "web.yml").tls
    assert tls
    assert tls.client_auth == ssl.CERT_NONE


@pytest.mark.parametrize("header", ["X-Frame-Options", "X-Content-Type-Options", "X-XSS-Protection"])
def test_a_blank_header_is_not_sent(header: str) -> None:
    """The toolkit documents this, although it refuses the first two."""
    text = f"http_server_config: {{headers: {{{header}: ''}}}}"
    assert parse_web_config(text.encode(), PATH).headers == {}


def test_a_user_may_have_an_empty_name_and_an_old_hash() -> None:
    old = HASH.replace("$2y$", "$2x$")
    text = f"basic_auth_users: {{'': {HASH}, al: {old}}}"
    assert parse_web_config(text.encode(), PATH).users == {"": HASH, "al": old}


@pytest.mark.parametrize(
    ("cert", "key", "expected"),
    [
        ("server.crt", "server.crt", "not a PEM certificate and its key"),
        ("server.crt", "other.key", "the key does not belong to the certificate"),
        ("server.crt", ".", "is not a regular file"),
    ],
)
def test_certificates_that_cannot_be_used_are_named(
    authority: Authority, directory: Path, cert: str, key: str, expected: str
) -> None:
    authority.issue("other")
    text = f"tls_server_config: {{cert_file: {cert}, key_file: {key}}}"
    found = mistakes(text, directory / "web.yml")
    assert len(found) == 1
    assert found[0].endswith(expected)


def test_all_mistakes_are_told_at_once() -> None:
    assert len(mistakes("basic_auth_users: {a: b}\nrate_limit: {burst: x}\nnonsense: 1\n")) == 3


def test_a_password_written_instead_of_its_hash_is_not_repeated() -> None:
    assert "hunter2" not in "".join(mistakes("basic_auth_users: {alice: hunter2}"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("missing.yml", "no such file or directory"), (".", "is not a regular file")],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, expected: str) -> None:
    with pytest.raises(WebConfigError) as caught:
        load_web_config(tmp_path / name)
    assert caught.value.mistakes == (f"{tmp_path / name}: {expected}",)


KEYS = st.sampled_from(
    [
        "tls_server_config",
        "cert_file",
        "key_file",
        "cert",
        "client_auth_type",
        "cipher_suites",
        "http_server_config",
        "headers",
        "X-Frame-Options",
        "basic_auth_users",
        "rate_limit",
        "interval",
        "burst",
        "<<",
        "{",
        "[",
        "&a",
        "*a",
    ]
)
PIECES = st.one_of(
    KEYS, st.sampled_from([": ", "\n", "\n  ", "- ", ", ", "}", "]", "\0", "1s", HASH]), st.text()
)


@given(st.one_of(st.binary(), st.lists(PIECES).map(lambda pieces: "".join(pieces).encode())))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_a_configuration_or_a_list_of_mistakes(content: bytes) -> None:
    told: tuple[str, ...] = ()
    try:
        config = parse_web_config(content, PATH)
    except WebConfigError as error:
        config = None
        told = error.mistakes
    assert config or (told and all(line.startswith(str(PATH)) and "\n" not in line for line in told))
