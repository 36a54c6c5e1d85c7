"""How long a scrape takes while others attack: `python -m bench.attacks`; gcc, minutes.

The exporter runs beside 500 groups of one idle process each and is restarted for each attack. Prints a table.
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
from bench.__main__ import build
from bench.comparison import idle_processes
from bench.exporter_options import configuration

ATTACKERS = Path(__file__).parents[1] / "tests" / "http" / "attackers.py"
GROUPS = 500
COST = 10
"""Of bcrypt."""
TIMEOUT = 10.0
"""Seconds after which a scraper gives up, as Prometheus does by default."""
RAMP = 1.0
"""Seconds until all attackers are there."""
SAME, OTHER = "127.0.0.1", "127.0.0.2"
PEOPLE = 20
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
HEAD = ("attack", "scrapes answered", "median", "slowest", "memory at most")


class Scraped(NamedTuple):
    asked: int
    seconds: Sequence[float]
    """Of those that were answered."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.attacks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each attack")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as scratch:
        web_config = Path(scratch, "web.yml")
        web_config.write_text(_users())
        config = Path(scratch, "swap-exporter.yaml")
        config.write_text(configuration(GROUPS))
        flags = [f"--config.file={config}", f"--web.config.file={web_config}"]
        with idle_processes(build(Path(scratch)), GROUPS, GROUPS):
            print(markdown.table(HEAD, []), end="")
            for count, kind in CASES:
                with _exporter(flags) as (port, pid):
                    scrape(port, "prometheus", SAME)
                    with _attack(kind, port, count, seconds):
                        time.sleep(RAMP)
                        _print(f"{count} {kind}" if count else "none", _scrapes(port, seconds - RAMP), pid)
            for address in (SAME, OTHER):
                with _exporter(flags) as (port, pid), _attack("guess_passwords", port, 60, PEOPLE * TIMEOUT):
                    time.sleep(RAMP)
                    taken = [scrape(port, f"new-{number}", address) for number in range(PEOPLE)]
                    answered = [each for each in taken if each is not None]
                    name = "the same" if address == SAME else "another"
                    what = f"60 guess_passwords, right ones of {name} address, not seen since the start"
                    _print(what, Scraped(len(taken), answered), pid)
    return 0


def _users() -> str:
    password = bcrypt.hashpw(b"secret", bcrypt.gensalt(COST)).decode()
    names = ("prometheus", *(f"new-{number}" for number in range(PEOPLE)))
    return "basic_auth_users:\n" + "".join(f"  {name}: {password}\n" for name in names)


@contextlib.contextmanager
def _exporter(flags: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Its port and pid."""
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
        f"{SAME}:{port}",
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
    """Seconds, on a connection of its own from this address; None where it was not answered."""
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


def _scrapes(port: int, seconds: float) -> Scraped:
    until, asked, answered = time.monotonic() + seconds, 0, []
    while time.monotonic() < until:
        taken = scrape(port, "prometheus", SAME)
        asked += 1
        if taken is not None:
            answered.append(taken)
        time.sleep(0.1)
    return Scraped(asked, answered)


def _print(what: str, scraped: Scraped, pid: int) -> None:
    median = f"{statistics.median(scraped.seconds):.3f} s" if scraped.seconds else "none"
    slowest = f"{max(scraped.seconds):.3f} s" if scraped.seconds else "none"
    counted = f"{len(scraped.seconds)} of {scraped.asked}"
    print(f"| {what} | {counted} | {median} | {slowest} | {_peak(pid)} MiB |", flush=True)


def _peak(pid: int) -> int:
    """VmHWM of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    sys.exit(main())
