"""A real scraper is answered while others do their worst, and afterwards everything is as it was before."""

import http.client
import json
import os
import ssl
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import bcrypt
import pytest

from tests.web.authority import Authority

HERE = Path(__file__).parent
GENEROUS = 10.0
ATTACK_SECONDS = 1.2
PASSWORD = "Basic " + b64encode(b"prometheus:secret").decode()
MEMORY_BOUND = 100 << 20


class Victim:
    def __init__(self, process: subprocess.Popen[str], tls: ssl.SSLContext | None) -> None:
        assert process.stdout
        self.address = process.stdout.readline().strip()
        self.tls = tls
        self._proc = Path("/proc", str(process.pid))
        self.at_rest = self.usage()

    def connect(self) -> http.client.HTTPConnection:
        if self.tls:
            return http.client.HTTPSConnection(self.address, timeout=GENEROUS, context=self.tls)
        return http.client.HTTPConnection(self.address, timeout=GENEROUS)

    def scrape(self) -> float:
        """Seconds that a scrape on a new connection takes."""
        began = time.monotonic()
        with closing(self.connect()) as connection:
            connection.request("GET", "/metrics", headers={"Authorization": PASSWORD})
            answer = connection.getresponse()
            assert (answer.status, answer.read()[:25]) == (200, b"swap_group_swap_bytes{gro")
        return time.monotonic() - began

    def scrape_during(self, attack: subprocess.Popen[str]) -> tuple[list[float], dict[str, int]]:
        """Seconds of each scrape while an attack lasts, and what the attackers saw."""
        took = []
        with attack:
            while attack.poll() is None:
                took.append(self.scrape())
                time.sleep(0.05)
            assert attack.stdout
            return took, json.loads(attack.stdout.read())

    def usage(self) -> tuple[int, int]:
        """Threads and descriptors."""
        return len(os.listdir(self._proc / "task")), len(os.listdir(self._proc / "fd"))

    def wait_for_rest(self) -> None:
        until = time.monotonic() + 3 * GENEROUS
        while self.usage() != self.at_rest:
            assert time.monotonic() < until, f"{self.usage()} threads and descriptors, at rest {self.at_rest}"
            time.sleep(0.05)

    def memory(self, field: str) -> int:
        """Bytes, by a field of /proc/PID/status."""
        lines = (self._proc / "status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{field}:"))


@pytest.fixture(scope="module", params=["plain", "TLS"])
def victim(
    request: pytest.FixtureRequest, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Victim]:
    web_config = tmp_path_factory.mktemp("victim") / "web.yml"
    password = bcrypt.hashpw(b"secret", bcrypt.gensalt(10)).decode()
    text = f"basic_auth_users: {{prometheus: {password}}}\n"
    context = None
    if request.param == "TLS":
        identity = authority.issue("victim")
        text += f"tls_server_config: {{cert_file: {identity.certificate}, key_file: {identity.key}}}\n"
        context = ssl.create_default_context(cafile=str(authority.certificate))
    web_config.write_text(text)
    process = subprocess.Popen(
        [sys.executable, str(HERE / "victim.py"), str(web_config)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            victim = Victim(process, context)
            victim.scrape()  # its password has been seen once
            yield victim
            process.communicate(timeout=GENEROUS)  # the end of its standard input ends it
            assert process.returncode == 0
        finally:
            process.kill()


def attack(victim: Victim, kind: str, count: int, seconds: float) -> subprocess.Popen[str]:
    tls = ["--tls"] if victim.tls else []
    command = [
        sys.executable,
        str(HERE / "attackers.py"),
        kind,
        victim.address,
        str(count),
        str(seconds),
        *tls,
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("count", "kind"),
    [
        (200, "trickle"),
        (200, "silent"),
        (200, "never_read"),
        (200, "read_slowly"),
        (200, "garbage"),
        (200, "oversized"),
        (200, "hard_to_parse"),
        (200, "guess_passwords"),
        (200, "half_handshake"),
        (200, "idle_after_answer"),
        # More than there is room for.
        (400, "silent"),
        (400, "never_read"),
    ],
)
def test_a_scraper_is_answered_while_clients(victim: Victim, count: int, kind: str) -> None:
    took, outcomes = victim.scrape_during(attack(victim, kind, count, ATTACK_SECONDS))
    victim.wait_for_rest()
    print(
        f"{count} {kind}: {len(took)} scrapes, slowest {max(took):.3f} s, attackers {outcomes}, "
        f"memory {victim.memory('VmRSS') >> 20} MiB, at most {victim.memory('VmHWM') >> 20} MiB"
    )
    assert victim.memory("VmHWM") < MEMORY_BOUND


def test_a_scraper_is_answered_while_500_scrape_at_once(victim: Victim) -> None:
    took, outcomes = victim.scrape_during(attack(victim, "scrape", 500, 3 * GENEROUS))
    victim.wait_for_rest()
    print(f"500 scrapers: {outcomes}, another's slowest of {len(took)} {max(took):.3f} s")
    assert sum(outcomes.values()) == 500
    # All of them, unless the machine is too slow for their handshakes.
    assert outcomes["200"] >= 256
