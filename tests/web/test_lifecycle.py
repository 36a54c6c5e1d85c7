"""POST /-/reload and --web.max-requests, on the running daemon."""

import http.client
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from types import MappingProxyType
from typing import Any

import pytest

from tests.http.serving import GENEROUS, serving
from tests.sampling.tree import Tree

PROGRAM = [sys.executable, "-c", "import sys; from swap_exporter.cli import main; sys.exit(main())"]
DEADLINE = 60.0
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
LIFECYCLE = "--web.enable-lifecycle"
MISTAKE = "mistaken-key"


class Daemon:
    """The exporter on a free port, with a configuration and a log file of its own."""

    def __init__(self, directory: Path, *flags: str) -> None:
        self.configuration, self.log = directory / "own.yml", directory / "log"
        self.configuration.write_text("catalog: false\n")
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [
                    *PROGRAM,
                    "--web.listen-address=127.0.0.1:0",
                    "--log.format=json",
                    f"--config.file={self.configuration}",
                    *flags,
                ],
                stderr=log,
            )
        self.address = self.event("serving")["address"]

    def events(self) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def event(self, message: str, number: int = 1) -> dict[str, Any]:
        """The event with this message that is the `number`-th of its kind; waits for it."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end and self._process.poll() is None:
            found = [event for event in self.events() if event["msg"] == message]
            if len(found) >= number:
                return found[number - 1]
            time.sleep(0.05)
        raise AssertionError(f'no event "{message}": {self.log.read_text()[-4000:]}')

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> tuple[int, str, http.client.HTTPMessage]:
        with closing(http.client.HTTPConnection(self.address, timeout=DEADLINE)) as connection:
            connection.request(method, path, headers=dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers

    def reload(self, headers: Mapping[str, str] = NO_HEADERS) -> int:
        return self.ask("POST", "/-/reload", headers)[0]

    def hang_up(self) -> None:
        self._process.send_signal(signal.SIGHUP)

    def end(self) -> None:
        self._process.terminate()
        try:
            assert self._process.wait(DEADLINE) == 0, self.log.read_text()[-4000:]
        finally:
            self._process.kill()
            self._process.wait(DEADLINE)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path, LIFECYCLE, "--web.max-requests=1")
    yield daemon
    daemon.end()


def test_reloading_over_http_is_off_by_default_and_sighup_reloads(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    try:
        status, body, _ = daemon.ask("POST", "/-/reload")
        assert (status, "--web.enable-lifecycle" in body) == (403, True)
        assert daemon.ask("GET", "/-/reload")[0] == 405
        assert not [event for event in daemon.events() if "reload" in event["msg"]]
        daemon.hang_up()
        assert daemon.event("configuration reloaded")["entries"] == 0
    finally:
        daemon.end()


def test_with_the_flag_a_post_reloads(daemon: Daemon) -> None:
    daemon.configuration.write_text("catalog: false\nprocess_names: [{name: one, comm: [one]}]\n")
    status, _, headers = daemon.ask("GET", "/-/reload")
    assert (status, headers["Allow"]) == (405, "POST")
    assert daemon.reload() == 200
    assert daemon.event("configuration reloaded")["entries"] == 1
    assert 'swap_group_processes{group="one"' in daemon.ask("GET", "/metrics")[1]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        # A name of the attacker's that resolves to the exporter's address.
        {"Origin": "http://attacker.example:10059", "Host": "attacker.example:10059"},
        {"Sec-Fetch-Site": "same-origin", "Host": "attacker.example:10059"},
    ],
)
def test_a_web_page_cannot_reload(daemon: Daemon, headers: Mapping[str, str]) -> None:
    assert daemon.reload(headers) == 403
    assert not [event for event in daemon.events() if "reload" in event["msg"]]


def test_the_answer_to_a_bad_file_has_nothing_of_the_file(daemon: Daemon) -> None:
    daemon.configuration.write_text(f"{MISTAKE}: 1\ntick: never-ever\n")
    status, body, _ = daemon.ask("POST", "/-/reload")
    assert status == 500
    assert body == "the running configuration stays; mistakes: 2, see the log\n"
    logged = [event["error"] for event in daemon.events() if event["level"] == "error"]
    assert len(logged) == 2
    assert MISTAKE in logged[0]
    assert "never-ever" in logged[1]
    assert "swap_exporter_config_last_reload_successful 0" in daemon.ask("GET", "/metrics")[1]


@pytest.mark.parametrize("how", ["post", "hang up"])
def test_a_bad_file_logs_its_first_20_mistakes_and_how_many_there_are(daemon: Daemon, how: str) -> None:
    daemon.configuration.write_text("".join(f"{MISTAKE}{n:06}: {'x' * 100}\n" for n in range(20_000)))
    if how == "post":
        assert daemon.reload() == 500
    else:
        daemon.hang_up()
    daemon.event("configuration not reloaded, the running one stays", 21)
    logged = [event["error"] for event in daemon.events() if event["level"] == "error"]
    assert [f"{MISTAKE}{n:06}" in line for n, line in enumerate(logged[:20])] == [True] * 20
    assert logged[20:] == ["and 19980 more mistakes, of 20000"]
    assert daemon.log.stat().st_size < 50_000


def test_one_mistake_is_logged_in_bounded_length(daemon: Daemon) -> None:
    group = "(" * 50_000
    daemon.configuration.write_text(f"process_names: [{{name: one, cmdline: ['{group}']}}]\n")
    assert daemon.reload() == 500
    daemon.event("configuration not reloaded, the running one stays")
    assert daemon.log.stat().st_size < 5_000


def test_a_daemon_that_cannot_start_names_the_first_20_mistakes(tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text("".join(f"{MISTAKE}{n:06}: 1\n" for n in range(3000)))
    (tmp_path / "web.yml").write_text("".join(f"{MISTAKE}{n:06}: 1\n" for n in range(3000)))
    for flag in ("--config.file=own.yml", "--web.config.file=web.yml"):
        command = [*PROGRAM, "--web.listen-address=127.0.0.1:0", flag]
        ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=DEADLINE)
        assert ended.returncode == 1
        lines = ended.stderr.splitlines()
        assert len(lines) == 21
        assert lines[20] == "and 2980 more mistakes, of 3000"


def test_check_config_lists_every_mistake(tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text("".join(f"{MISTAKE}{n:06}: 1\n" for n in range(3000)))
    command = [*PROGRAM, "check-config", "own.yml"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=DEADLINE)
    assert len(ended.stderr.splitlines()) == 3000


@contextmanager
def posting(daemon: Daemon, clients: int, entries: int) -> Iterator[list[int]]:
    """Clients that post reloads of a configuration that takes a while, one after another; their statuses."""
    lines = (f"  - {{name: 'group{n}', cmdline: ['^server{n} [a-z]+$']}}\n" for n in range(entries))
    daemon.configuration.write_text(f"catalog: false\nprocess_names:\n{''.join(lines)}")
    stop, statuses = Event(), list[int]()

    def post() -> None:
        while not stop.is_set():
            statuses.append(daemon.reload())

    threads = [Thread(target=post) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        for thread in threads:
            thread.join(DEADLINE)


def test_a_second_reload_is_refused_and_scrapes_are_answered_while_45_clients_post(daemon: Daemon) -> None:
    """With a single place for scrapes: a reload that took it would leave none."""
    with posting(daemon, clients=45, entries=300) as statuses:
        answered = [daemon.ask("GET", "/metrics")[0] for _ in range(10)]
    assert answered == [200] * 10
    assert set(statuses) == {200, 409}


def test_sighup_waits_for_the_reload_that_is_in_progress(daemon: Daemon) -> None:
    with posting(daemon, clients=3, entries=300) as statuses:
        daemon.event("configuration reloaded", 2)
        daemon.hang_up()
        daemon.event("configuration reloaded", 4)
    posted = statuses.count(200)
    daemon.event("configuration reloaded", posted + 1)
    assert len([event for event in daemon.events() if event["msg"] == "configuration reloaded"]) == posted + 1


def test_max_requests_0_is_no_limit() -> None:
    entered, leave = [], Event()

    def wait(request: Any) -> Any:
        from swap_exporter.http.message import Response

        entered.append(request)
        leave.wait(GENEROUS)
        return Response(200, b"")

    with serving(wait, max_requests=0) as server:
        host, _, port = server.addresses[0].rpartition(":")
        connections = [http.client.HTTPConnection(host, int(port), timeout=GENEROUS) for _ in range(60)]
        for connection in connections:
            connection.request("GET", "/")
        end = time.monotonic() + GENEROUS
        while len(entered) < 60 and time.monotonic() < end:
            select.select([], [], [], 0.01)
        assert len(entered) == 60
        leave.set()
        assert {connection.getresponse().status for connection in connections} == {200}
        for connection in connections:
            connection.close()


def test_max_requests_0_can_be_given_and_answers_scrapes(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, "--web.max-requests=0")
    try:
        assert daemon.ask("GET", "/metrics")[0] == 200
    finally:
        daemon.end()


def test_scrapes_that_wait_do_not_fail_a_liveness_probe(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "proc")
    tree.write("stat", b"cpu  1 2 3\nbtime 1700000000\nprocesses 7\n")
    tree.process(1, parent=0)
    meminfo, slow = tree.root / "meminfo", tree.root / "slow"
    os.mkfifo(slow)
    daemon = Daemon(tmp_path, f"--path.procfs={tree.root}", "--web.max-requests=40")
    # From now on a sample waits for a writer, and every scrape waits for the sample.
    slow.rename(meminfo)
    scrapers = [http.client.HTTPConnection(daemon.address, timeout=DEADLINE) for _ in range(40)]
    try:
        # A tick of 15 s could be what waits: no scrape is answered from a sample this old.
        time.sleep(1.1)
        for scraper in scrapers:
            scraper.request("GET", "/metrics", headers={"X-Prometheus-Scrape-Timeout-Seconds": "30"})
        time.sleep(0.5)
        assert not select.select([scraper.sock for scraper in scrapers], [], [], 0)[0], "a scrape is answered"
        # A probe's own timeout: without an exemption it gets 503 then.
        probe = {"X-Prometheus-Scrape-Timeout-Seconds": "2"}
        assert daemon.ask("GET", "/-/healthy", probe)[:2] == (200, "healthy\n")
        assert daemon.ask("GET", "/-/ready", probe)[:2] == (200, "ready\n")
        assert not select.select([scraper.sock for scraper in scrapers], [], [], 0)[0], "a scrape is answered"
        assert daemon.ask("GET", "/api/workers", probe)[0] == 503
    finally:
        for scraper in scrapers:
            scraper.close()
        meminfo.rename(slow)
        # A writer for a reader that waits, and for one that opened it before the renaming.
        os.close(os.open(slow, os.O_RDWR))
        with suppress(OSError):
            os.close(os.open(slow, os.O_WRONLY | os.O_NONBLOCK))
        daemon.end()
