"""What breaks around the running exporter: it goes on, says so once, and is whole again when that is over."""

import http.client
import os
import re
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request

import psutil
import pytest

from tests.reliability.conftest import Start
from tests.require import require
from tests.system.exporter import BINARY, Exporter, Scrape
from tests.system.servers.server import free_port, http_get, opener
from tests.system.waiting import wait_until

GOOD = "process_names: [{name: itself, comm: [swap-exporter]}]\ncatalog: false\nmin_sample_interval: 10ms\n"


def reload(exporter: Exporter) -> int:
    """The status of the answer."""
    try:
        request = Request(f"http://127.0.0.1:{exporter.port}/-/reload", method="POST")
        with opener.open(request, timeout=30) as answer:
            status: int = answer.status
            return status
    except HTTPError as refused:
        return refused.code


def is_running_its_configuration(exporter: Exporter) -> Scrape:
    scrape = exporter.scrape()
    assert scrape.sum("swap_group_processes", group="itself") >= 1
    return scrape


def test_a_configuration_is_taken_whole_or_not_at_all_while_it_is_being_written(start: Start) -> None:
    """Cut at each byte, it is refused or, where what is there is a whole configuration, taken."""
    exporter = start(Exporter(GOOD, options=["--web.enable-lifecycle"]))
    content = GOOD.encode()
    statuses = set()
    for length in range(0, len(content), 7):
        exporter.configuration.write_bytes(content[:length])
        status = reload(exporter)
        taken = exporter.scrape().value("swap_exporter_config_last_reload_successful")
        assert (status, taken) in ((200, 1), (500, 0))
        if status == 200:
            check = [BINARY, "check-config", exporter.configuration]
            subprocess.run(check, check=True, capture_output=True, timeout=60)
        statuses.add(status)
    assert statuses == {200, 500}
    exporter.configuration.write_bytes(content)
    assert reload(exporter) == 200
    assert is_running_its_configuration(exporter).value("swap_exporter_config_last_reload_successful") == 1


def test_a_configuration_that_comes_and_goes_keeps_the_running_one(start: Start) -> None:
    """Vanished, a directory, nonsense, several mistakes, and back: a line for each mistake, each time."""
    exporter = start(Exporter(GOOD, options=["--web.enable-lifecycle"]))
    file = exporter.configuration
    spoilings: list[tuple[Callable[[], object], int]] = [
        (file.unlink, 1),
        (file.mkdir, 1),
        (lambda: (file.rmdir(), file.write_bytes(os.urandom(5000))), 1),
        (lambda: file.write_text("tick: never\nnonsense: 1\nrate_window: [1]\n"), 3),
    ]
    for spoil, mistakes in spoilings:
        spoil()
        before = exporter.stderr().count("level=error")
        assert reload(exporter) == 500
        assert exporter.stderr().count("level=error") - before == mistakes
        scrape = is_running_its_configuration(exporter)
        assert scrape.value("swap_exporter_config_last_reload_successful") == 0
    file.write_text(GOOD)
    assert reload(exporter) == 200
    assert is_running_its_configuration(exporter).value("swap_exporter_config_last_reload_successful") == 1


def closed_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize(
    "log",
    [lambda: os.open("/dev/full", os.O_WRONLY), closed_pipe],
    ids=["on a full disk", "to a reader that has gone away"],
)
def test_a_log_that_cannot_be_written_is_lost_and_nothing_else(
    log: Callable[[], int], tmp_path: Path
) -> None:
    port, descriptor = free_port(), log()
    configuration = tmp_path / "swap-exporter.yaml"
    configuration.write_text(GOOD)
    arguments = [f"--web.listen-address=127.0.0.1:{port}", f"--config.file={configuration}"]
    # As it is started by systemd: Python buffers then, and flushes once more at its end.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen([BINARY, *arguments], stderr=descriptor, env=environment) as exporter:
        os.close(descriptor)
        try:
            wait_until("it answers", lambda: answers(port))
            memory = psutil.Process(exporter.pid).memory_info().rss
            configuration.write_text("nonsense: 1\n" * 5)
            for _ in range(5):
                exporter.send_signal(signal.SIGHUP)
                scrape = Scrape(http_get(port, "/metrics").decode())
            wait_until("it has read it again", lambda: refused(port))
            assert scrape.sum("swap_group_processes", group="itself") >= 1
            assert psutil.Process(exporter.pid).memory_info().rss - memory < 16 << 20
            exporter.terminate()
            assert exporter.wait(30) == 0
        finally:
            exporter.kill()


def answers(port: int) -> bool:
    with suppress(OSError):
        return bool(http_get(port, "/-/ready"))
    return False


def refused(port: int) -> bool:
    text = http_get(port, "/metrics").decode()
    return Scrape(text).value("swap_exporter_config_last_reload_successful") == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for 64 kB."""
    require(os.geteuid() == 0, "mounting a file system needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], check=True, timeout=60)
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True, timeout=60)


def fill(directory: Path) -> None:
    with suppress(OSError), (directory / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 4096)


def make_read_only(directory: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", directory], check=True, timeout=60)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(fill, "No space left on device"), (make_read_only, "Read-only file system")],
    ids=["full", "read-only"],
)
def test_a_state_that_cannot_be_written_leaves_the_old_one_whole(
    small_disk: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    state = small_disk / "state"
    run_for_a_moment(state)
    old = state.read_bytes()
    assert old
    spoil(small_disk)

    logged = run_for_a_moment(state)

    assert 'msg="state restored"' in logged
    warnings = [line for line in logged.splitlines() if "level=warn" in line]
    assert len(warnings) == 1
    assert f"{state}: cannot be written: {reason}" in warnings[0]
    assert state.read_bytes() == old
    assert {file.name for file in small_disk.iterdir()} <= {"state", "filler"}


def run_for_a_moment(state: Path) -> str:
    """Start an exporter and end it cleanly; what it logged."""
    configuration = "process_names: [{name: all, cmdline: [.]}]"
    exporter = Exporter(configuration, state_file=state)
    try:
        exporter.start()
        exporter.scrape()
        assert exporter.process is not None
        exporter.process.send_signal(signal.SIGTERM)
        assert exporter.process.wait(30) == 0
        return exporter.stderr()
    finally:
        exporter.stop()


def test_out_of_descriptors_a_scrape_says_so_and_no_counter_starts_anew(start: Start) -> None:
    exporter = start(Exporter(GOOD))
    before = exporter.scrape()
    with closing(http.client.HTTPConnection("127.0.0.1", exporter.port, timeout=30)) as connection:

        def scrape() -> Scrape:
            """Over a connection that is there already: none can be accepted meanwhile."""
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            assert answer.status == 200
            return Scrape(answer.read().decode())

        scrape()
        limits = resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            during = wait_until("a sample without descriptors", lambda: broken(scrape()))
        finally:
            resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE, limits)
    assert not [name for name in during.names() if name.startswith("swap_group_")]
    after = wait_until("it is well again", lambda: whole(exporter))
    cpu = "swap_group_cpu_seconds_total"
    assert after.sum(cpu, group="itself") >= before.sum(cpu, group="itself")
    logged = exporter.stderr()
    assert len(re.findall(r'level=warn msg="a collector fails" collector=processes ', logged)) == 1
    assert len(re.findall(r'level=info msg="a collector works again" collector=processes', logged)) == 1


def broken(scrape: Scrape) -> Scrape | None:
    return scrape if scrape.value("swap_exporter_collector_success", collector="processes") == 0 else None


def whole(exporter: Exporter) -> Scrape | None:
    scrape = exporter.scrape()
    return scrape if scrape.value("swap_exporter_collector_success", collector="processes") == 1 else None
