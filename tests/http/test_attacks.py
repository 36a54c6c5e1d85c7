"""A real scraper is answered while others do their worst, and afterwards everything is as it was before."""

import http.client
import json
import os
import ssl
import statistics
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import bcrypt
import pytest

from tests.http.authority import Authority

HERE = Path(__file__).parent
GENEROUS = 10.0
ATTACK_SECONDS = 1.2
PASSWORD = "Basic " + b64encode(b"prometheus:secret").decode()
HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(10)).decode()
MEMORY_BOUND = 100 << 20
SLOWER = 100
"""How many times as long as unattacked an ordinary scrape may take."""
THREADS_AT_REST = 2


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 3 * GENEROUS
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


class Victim:
    def __init__(self, process: subprocess.Popen[str], tls: ssl.SSLContext | None) -> None:
        assert process.stdout
        self.address = process.stdout.readline().strip()
        self.tls = tls
        self._proc = Path("/proc", str(process.pid))
        self.scrape()  # its password has been seen once
        wait_until(lambda: self.usage()[0] == THREADS_AT_REST)
        self.at_rest = self.usage()
        self.unattacked = statistics.median(self.scrapes(20))
        """Seconds."""

    def connect(self) -> http.client.HTTPConnection:
        if self.tls:
            return http.client.HTTPSConnection(self.address, timeout=GENEROUS, context=self.tls)
        return http.client.HTTPConnection(self.address, timeout=GENEROUS)

    def ask(self, user: str, client: str, patience: float) -> int:
        """The status that a user with the right password gets, who asks from this address."""
        credentials = b64encode(f"{user}:secret".encode()).decode()
        headers = {
            "Authorization": f"Basic {credentials}",
            "X-Prometheus-Scrape-Timeout-Seconds": str(patience),
        }
        with closing(http.client.HTTPConnection(self.address, None, patience, (client, 0))) as connection:
            connection.request("GET", "/metrics", headers=headers)
            return connection.getresponse().status

    def scrape(self) -> float:
        """Seconds that a scrape on a new connection takes."""
        began = time.monotonic()
        with closing(self.connect()) as connection:
            connection.request("GET", "/metrics", headers={"Authorization": PASSWORD})
            answer = connection.getresponse()
            assert (answer.status, answer.read()[:25]) == (200, b"swap_group_swap_bytes{gro")
        return time.monotonic() - began

    def scrapes(self, count: int) -> Iterator[float]:
        """Seconds of each."""
        for _ in range(count):
            yield self.scrape()
            time.sleep(0.05)

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
        wait_until(lambda: self.usage() == self.at_rest)

    def memory(self, field: str) -> int:
        """Bytes, by a field of /proc/PID/status."""
        lines = (self._proc / "status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{field}:"))


@contextmanager
def serving(web_config: Path, tls: ssl.SSLContext | None, timeout: float) -> Iterator[Victim]:
    process = subprocess.Popen(
        [sys.executable, str(HERE / "victim.py"), str(web_config), str(timeout)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Victim(process, tls)
            process.communicate(timeout=GENEROUS)  # the end of its standard input ends it
            assert process.returncode == 0
        finally:
            process.kill()


@pytest.fixture(scope="module", params=["plain", "TLS"])
def victim(
    request: pytest.FixtureRequest, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Victim]:
    web_config = tmp_path_factory.mktemp("victim") / "web.yml"
    text = f"basic_auth_users: {{prometheus: {HASH}}}\n"
    context = None
    if request.param == "TLS":
        identity = authority.issue("victim")
        text += f"tls_server_config: {{cert_file: {identity.certificate}, key_file: {identity.key}}}\n"
        context = ssl.create_default_context(cafile=str(authority.certificate))
    web_config.write_text(text)
    with serving(web_config, context, 1.5) as victim:
        yield victim


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
        (200, "crlf"),
        (200, "hard_to_parse"),
        (200, "guess_passwords"),
        (200, "half_handshake"),
        (200, "idle_after_answer"),
        # More than there is room for.
        (400, "silent"),
        (400, "never_read"),
        (1000, "silent"),
    ],
)
def test_a_scraper_is_answered_while_clients(victim: Victim, count: int, kind: str) -> None:
    took, outcomes = victim.scrape_during(attack(victim, kind, count, ATTACK_SECONDS))
    victim.wait_for_rest()
    median = statistics.median(took)
    print(
        f"{count} {kind}: {len(took)} scrapes, median {median:.3f} s, slowest {max(took):.3f} s, "
        f"unattacked {victim.unattacked:.3f} s, attackers {outcomes}, "
        f"memory {victim.memory('VmRSS') >> 20} MiB, at most {victim.memory('VmHWM') >> 20} MiB"
    )
    assert median < SLOWER * victim.unattacked
    assert victim.memory("VmHWM") < MEMORY_BOUND


def test_a_scraper_is_answered_while_500_scrape_at_once(victim: Victim) -> None:
    took, outcomes = victim.scrape_during(attack(victim, "scrape", 500, 3 * GENEROUS))
    victim.wait_for_rest()
    print(f"500 scrapers: {outcomes}, another's slowest of {len(took)} {max(took):.3f} s")
    assert sum(outcomes.values()) == 500
    # All of them, unless the machine is too slow for their handshakes.
    assert outcomes["200"] >= 256


GUESSERS = 60
NEW_USERS = 20


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Victim]:
    """Users whose password the victim has not seen since its start, as each is after a restart."""
    web_config = tmp_path / "web.yml"
    users = ("prometheus", *(f"new-{number}" for number in range(NEW_USERS)))
    web_config.write_text("basic_auth_users:\n" + "".join(f"  {user}: {HASH}\n" for user in users))
    with serving(web_config, None, GENEROUS) as victim:
        yield victim


@pytest.mark.parametrize(
    ("client", "at_once"),
    # From another address a user waits for two or three checks. From the guessers' own address it waits for
    # all of theirs, so there the users ask at the same time.
    [("127.0.0.2", 1), ("127.0.0.1", NEW_USERS)],
)
def test_the_right_password_is_answered_while_others_are_guessed(
    guarded: Victim, client: str, at_once: int
) -> None:
    with attack(guarded, "guess_passwords", GUESSERS, 12 * GENEROUS) as guessing:
        try:
            wait_until(lambda: guarded.usage()[0] > GUESSERS)
            with ThreadPoolExecutor(at_once) as pool:
                asking = [
                    pool.submit(guarded.ask, f"new-{number}", client, 6 * GENEROUS)
                    for number in range(NEW_USERS)
                ]
                assert [each.result() for each in asking] == [200] * NEW_USERS
            assert guessing.poll() is None
        finally:
            guessing.kill()
    guarded.wait_for_rest()


def test_a_scraper_is_answered_while_45_others_scrape_all_the_time(victim: Victim) -> None:
    took, outcomes = victim.scrape_during(attack(victim, "scrape_again", 45, ATTACK_SECONDS))
    victim.wait_for_rest()
    print(f"45 scrapers all the time: {outcomes}, another's slowest of {len(took)} {max(took):.3f} s")
    assert set(outcomes) == {"200"}
