"""Exporters that the commands ask: real ones, with users and TLS."""

import json
import subprocess

import bcrypt
import pytest

from tests.cli.test_cli import PROGRAM
from tests.http.authority import Authority


@pytest.fixture
def started():
    """Start a daemon and wait until it serves; gives its addresses."""
    running = []

    def start(*arguments, before=()):
        process = subprocess.Popen(
            [*before, *PROGRAM, "--log.format=json", *arguments],
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        for line in process.stderr:
            if (content := json.loads(line))["msg"] == "serving":
                return content["address"]
        raise AssertionError("it ended at once")

    yield start
    for process in running:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()
            process.stderr.close()


@pytest.fixture
def secured(tmp_path):
    """A web.yml with the user alice and a certificate, and the file with which commands get in."""
    authority = Authority(tmp_path)
    served = authority.issue("served")
    web, http = tmp_path / "web.yml", tmp_path / "http.yml"
    web.write_text(
        f"tls_server_config: {{cert_file: {served.certificate}, key_file: {served.key}}}\n"
        f"basic_auth_users: {{alice: {bcrypt.hashpw(b'right', bcrypt.gensalt(4)).decode()}}}\n"
    )
    (tmp_path / "password").write_text("right\n")
    http.write_text(
        "basic_auth: {username: alice, password_file: password}\n"
        f"tls_config: {{ca_file: {authority.certificate.name}}}\n"
    )
    return web, http


@pytest.fixture
def users_only(tmp_path):
    """A web.yml with a user and no certificate."""
    web = tmp_path / "users.yml"
    web.write_text(f"basic_auth_users: {{alice: {bcrypt.hashpw(b'right', bcrypt.gensalt(4)).decode()}}}\n")
    return web
