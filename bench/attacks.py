"""How long a scrape takes during an attack: `python -m bench.attacks`. Needs gcc and some minutes.

The exporter measures 500 groups of one idle process each and is restarted for each attack. Prints a table.
"""

import argparse
import contextlib
import http.client
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import bcrypt

from bench import contestants, markdown
from bench.__main__ import compile_programs
from bench.comparison import idle_processes
from bench.exporter_options import configuration

ATTACKERS = Path(__file__).parents[1] / "tests" / "http" / "attackers.py"
GROUPS = 500
BCRYPT_ROUNDS = 10
TIMEOUT = 10.0
"""Seconds: the default scrape_timeout of Prometheus."""
RAMP = 1.0
"""Seconds until all attackers are connected."""
ATTACKER_ADDRESS, OTHER_ADDRESS = "127.0.0.1", "127.0.0.2"
NEW_USERS = 20
"""Users that have not logged in since the exporter started."""
CASES = (
    (0, "silent"),
    (45, "scrape_again"),
    (200, "crlf"),
    (200, "garbage"),
    (256, "never_read"),
    (256, "read_slowly"),
    (400, "silent"),
    (1000, "silent"),
    (1000, "trickle"),
    (60, "guess_passwords"),
    (400, "guess_passwords"),
)
HEAD = ("attack", "scrapes answered", "median", "slowest", "peak memory")


class Scrapes(NamedTuple):
    attempts: int
    seconds: Sequence[float]
    """Of each answered scrape."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.attacks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each attack lasts")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as scratch:
        web_config = Path(scratch, "web.yml")
        web_config.write_text(_users())
        config = Path(scratch, "swap-exporter.yaml")
        config.write_text(configuration(GROUPS))
        flags = [f"--config.file={config}", f"--web.config.file={web_config}"]
        with idle_processes(compile_programs(Path(scratch)), GROUPS, GROUPS):
            print(markdown.table(HEAD, []), end="")
            for count, kind in CASES:
                with _exporter(flags) as (port, pid):
                    scrape(port, "prometheus", ATTACKER_ADDRESS)
                    with _attack(kind, port, count, seconds):
                        time.sleep(RAMP)
                        _print(f"{count} {kind}" if count else "none", _scrapes(port, seconds - RAMP), pid)
            for address in (ATTACKER_ADDRESS, OTHER_ADDRESS):
                with (
                    _exporter(flags) as (port, pid),
                    _attack("guess_passwords", port, 60, NEW_USERS * TIMEOUT),
                ):
                    time.sleep(RAMP)
                    scrapes = [scrape(port, f"new-{number}", address) for number in range(NEW_USERS)]
                    answered = [seconds for seconds in scrapes if seconds is not None]
                    origin = "the attackers'" if address == ATTACKER_ADDRESS else "another"
                    name = f"60 guess_passwords; new users with the right password from {origin} address"
                    _print(name, Scrapes(NEW_USERS, answered), pid)
    return 0


def _users() -> str:
    password = bcrypt.hashpw(b"secret", bcrypt.gensalt(BCRYPT_ROUNDS)).decode()
    names = ("prometheus", *(f"new-{number}" for number in range(NEW_USERS)))
    return "basic_auth_users:\n" + "".join(f"  {name}: {password}\n" for name in names)


@contextlib.contextmanager
def _exporter(flags: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Run the exporter and yield its port and pid."""
    port = contestants.free_port()
    command = [str(contestants.BINARY), *flags, f"--web.listen-address=127.0.0.1:{port}"]
    with contestants.running(command) as pid:
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), contestants.connected(port) as connection:
                connection.request("GET", "/-/ready")
                connection.getresponse().read()
                break
            if time.monotonic() > until:
                raise OSError("the exporter does not answer")
            time.sleep(0.05)
        yield port, pid


@contextlib.contextmanager
def _attack(kind: str, port: int, count: int, seconds: float) -> Iterator[None]:
    command = [
        sys.executable,
        ATTACKERS,
        kind,
        f"{ATTACKER_ADDRESS}:{port}",
        str(count),
        str(seconds),
        "--large=/metrics",
    ]
    if not count:
        yield
        return
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as attackers:
        try:
            yield
        finally:
            attackers.kill()


def scrape(port: int, user: str, address: str) -> float | None:
    """Seconds of a scrape from the address on a new connection; None if it was not answered."""
    credentials = b64encode(f"{user}:secret".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Accept-Encoding": "gzip"}
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, TIMEOUT, (address, 0))
    try:
        connection.request("GET", "/metrics", headers=headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return time.monotonic() - began if answer.status == http.client.OK else None


def _scrapes(port: int, seconds: float) -> Scrapes:
    until, attempts, answered = time.monotonic() + seconds, 0, []
    while time.monotonic() < until:
        attempts += 1
        if (took := scrape(port, "prometheus", ATTACKER_ADDRESS)) is not None:
            answered.append(took)
        time.sleep(0.1)
    return Scrapes(attempts, answered)


def _print(name: str, scrapes: Scrapes, pid: int) -> None:
    median = f"{statistics.median(scrapes.seconds):.3f} s" if scrapes.seconds else "none"
    slowest = f"{max(scrapes.seconds):.3f} s" if scrapes.seconds else "none"
    counted = f"{len(scrapes.seconds)} of {scrapes.attempts}"
    print(f"| {name} | {counted} | {median} | {slowest} | {_peak(pid)} MiB |", flush=True)


def _peak(pid: int) -> int:
    """MiB: VmHWM of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    sys.exit(main())
