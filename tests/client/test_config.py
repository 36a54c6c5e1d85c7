"""The file that says how to ask an exporter: every mistake has its place, and no secret is repeated."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from swap_exporter.client.config import HttpConfig, load_http_config
from swap_exporter.config.mistakes import ConfigError
from tests.http.authority import Authority


def mistakes(text: str | bytes, directory: Path) -> list[str]:
    path = directory / "http.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as raised:
        load_http_config(str(path))
    assert all(line.startswith(f"{path}:") and len(line.splitlines()) == 1 for line in raised.value.mistakes)
    return [line.removeprefix(f"{path}:").replace(f"{directory}/", "") for line in raised.value.mistakes]


@contextmanager
def pipe(content: bytes) -> Iterator[str]:
    reader, writer = os.pipe()
    os.write(writer, content)
    os.close(writer)
    yield f"/proc/self/fd/{reader}"
    os.close(reader)


@pytest.mark.parametrize("text", ["", "# nothing\n", "basic_auth:\n", "tls_config:\n"])
def test_every_key_is_optional(text: str, tmp_path: Path) -> None:
    path = tmp_path / "http.yml"
    path.write_text(text)
    assert load_http_config(str(path)) == HttpConfig()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("basic_aut: {}", ['1:1: unknown key "basic_aut", did you mean basic_auth?']),
        (
            "proxy_url: http://x",
            ['1:1: unknown key "proxy_url", expected one of basic_auth, authorization, tls_config'],
        ),
        ("[]", ["1:1: found a list, expected a mapping with keys such as basic_auth"]),
        (
            "basic_auth: {}",
            [
                "1:13: basic_auth: found neither password nor password_file, expected one of them",
                "1:13: basic_auth: found neither username nor username_file, expected one of them",
            ],
        ),
        (
            "basic_auth: {username: a, password: x, password_file: y}",
            ["1:55: basic_auth.password_file: found password too, expected one of the two"],
        ),
        (
            "basic_auth: {username: a, password_file: y}",
            ["1:42: basic_auth.password_file: y: no such file or directory"],
        ),
        (
            "basic_auth: {username: a, password_file: .}",
            ["1:42: basic_auth.password_file: {directory}: is a directory"],
        ),
        (
            "basic_auth: {username: 'a:b', password: x}",
            ['1:13: basic_auth: found the user name "a:b", expected one without a colon'],
        ),
        (
            "authorization: {credentials: x}\nbasic_auth: {username: a, password: b}",
            ["1:16: authorization: found authorization beside basic_auth, expected one of the two"],
        ),
        (
            "authorization: {type: Basic, credentials: x}",
            ['1:23: authorization.type: found "Basic", expected a scheme such as Bearer, not Basic'],
        ),
        (
            "authorization: {credentials: 'x y'}",
            [
                "1:16: authorization: found credentials with other characters, expected printable ASCII "
                "without blanks"
            ],
        ),
        (
            "tls_config: {ca_file: empty}",
            ["1:23: tls_config.ca_file: expected certificates in PEM form"],
        ),
        ("tls_config: {ca: nothing}", ["1:18: tls_config.ca: expected certificates in PEM form"]),
        (
            "tls_config: {insecure_skip_verify: yes}",
            ['1:36: tls_config.insecure_skip_verify: found "yes", expected true or false'],
        ),
        (
            "tls_config: {min_version: TLS13, max_version: TLS12}",
            ["1:13: tls_config: found a min_version above max_version"],
        ),
        (
            "tls_config: {cert_file: empty}",
            ["1:13: tls_config: found one of cert_file and key_file, expected both or neither"],
        ),
        (
            "tls_config: {cert_file: other, key_file: other}",
            [
                "1:25: tls_config.cert_file: expected a certificate and its key without a password, "
                "in PEM form"
            ],
        ),
    ],
)
def test_mistakes(text: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "other").write_text("something else\n")
    assert mistakes(text, tmp_path) == [line.format(directory=tmp_path) for line in expected]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yml: no such file or directory"):
        load_http_config(str(tmp_path / "nowhere.yml"))
    with pytest.raises(ConfigError, match="not a file name"):
        load_http_config("a\0b")


def test_a_pipe_can_give_the_file_and_the_password() -> None:
    """As <(pass show exporter) of a shell does."""
    with (
        pipe(b"hunter2\n") as password,
        pipe(f"basic_auth: {{username: a, password_file: {password}}}".encode()) as path,
    ):
        assert load_http_config(path).authorization == "Basic YTpodW50ZXIy"


def test_a_key_with_a_password_is_not_asked_for_at_the_terminal(tmp_path: Path) -> None:
    own = Authority(tmp_path).issue("client")
    key = serialization.load_pem_private_key(own.key.read_bytes(), None)
    own.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    (line,) = mistakes(f"tls_config: {{cert_file: {own.certificate}, key_file: {own.key}}}", tmp_path)
    assert line.endswith("expected a certificate and its key without a password, in PEM form")


@pytest.mark.parametrize(
    "text",
    [
        "basic_auth: {username: a, password: 5ecret, password_file: x}",
        "basic_auth: {password: 5ecret}",
        "authorization: {credentials: 5ecret x}",
        "basic_auth: {username: a, password: {5ecret: 1}}",
    ],
)
def test_no_secret_is_repeated(text: str, tmp_path: Path) -> None:
    assert "5ecret" not in "".join(mistakes(text, tmp_path))


def test_a_secret_does_not_show_in_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "http.yml"
    path.write_text("basic_auth: {username: a, password: b}")
    settings = load_http_config(str(path))
    assert settings.authorization == "Basic YTpi"
    assert "YTpi" not in repr(settings)
