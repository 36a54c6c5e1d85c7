"""Processes do to the running exporter what they can: no scrape fails, nothing grows without bound."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.reliability.conftest import Start
from tests.require import require
from tests.system.exporter import Exporter, Scrape
from tests.system.waiting import wait_until

MIB = 1 << 20
MEMORY_LIMIT = 256 * MIB
"""MemoryMax of the systemd unit."""
GROUPS = 20
CONFIGURATION = f"""
process_names:
  - name: "app:{{{{.Matches.name}}}}"
    cmdline: ['^app (?P<name>\\S+)']
limits: {{groups: {GROUPS}}}
min_sample_interval: 50ms
"""
COUNTERS = ("swap_group_cpu_seconds_total", "swap_group_major_faults_total", "swap_group_swapin_bytes_total")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    require(compiler, "needs a C compiler")
    program = tmp_path_factory.mktemp("hostile") / "hostile"
    source = Path(__file__).with_name("hostile.c")
    subprocess.run([str(compiler), "-Wall", "-O1", "-o", program, source], check=True, timeout=60)
    return program


@contextmanager
def running(program: Path, *argv: str | bytes, ready: bool = True) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        argv, executable=program, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            assert not ready or process.stdout.readline() == b"ready\n"
            yield process
        finally:
            # Its children are of its session, and gone when none has the pipe open any more.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=60)


def test_no_child_outlives_its_parent(hostile: Path) -> None:
    """Else it keeps the pipe open, and a test that reads it to its end hangs."""
    for turn in range(30):
        process = subprocess.Popen(
            ["app", "retitles", "3000"], executable=hostile, stdout=subprocess.PIPE, start_new_session=True
        )
        try:
            time.sleep(turn / 500)  # killed while it forks, at another moment each turn
            process.kill()
            process.communicate(timeout=30)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def counters(scrape: Scrape) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, sample.labels["group"], sample.labels["role"]): sample.value
        for name in COUNTERS
        for sample in scrape.matching(name)
    }


def test_thousands_of_titles_that_change_at_every_look(hostile: Path, start: Start) -> None:
    exporter = start(Exporter(CONFIGURATION))
    observed = psutil.Process(exporter.pid)
    with running(hostile, "app steady", "stays"):
        at_rest = wait_until("it is seen", lambda: steady(exporter))
        descriptors = observed.num_fds()
        with running(hostile, "app", "retitles", "2000"):
            seen: set[str] = set()
            for _ in range(12):
                scrape = exporter.scrape()
                groups = {sample.labels["group"] for sample in scrape.matching("swap_group_processes")}
                seen |= groups
                overflow = scrape.value("swap_exporter_overflow_processes")
                assert overflow > 1000
                assert scrape.sum("swap_group_processes", group="(overflow)") == overflow
                assert len(groups) <= GROUPS + 1
                assert scrape.sum("swap_group_processes", group="app:steady") == 1
                assert counters(scrape).items() >= counters_of_steady(at_rest).items()
            assert len(seen) > GROUPS + 1, "no group was made up anew"
        calm = wait_until("they are gone", lambda: without_overflow(exporter))
        assert len({s.labels["group"] for s in calm.matching("swap_group_processes")}) <= GROUPS + 1
        assert calm.sum("swap_group_processes", group="app:steady") == 1
    assert peak(observed) < MEMORY_LIMIT / 2
    wait_until("descriptors are back", lambda: observed.num_fds() <= descriptors)


def steady(exporter: Exporter) -> Scrape | None:
    scrape = exporter.scrape()
    return scrape if scrape.get("swap_group_processes", group="app:steady", role="worker") == 1 else None


def counters_of_steady(scrape: Scrape) -> dict[tuple[str, ...], float]:
    """It does nothing: they stand still. Swap-in comes and goes with the host's delay accounting."""
    return {
        key: value
        for key, value in counters(scrape).items()
        if key[1] == "app:steady" and "swapin" not in key[0]
    }


def without_overflow(exporter: Exporter) -> Scrape | None:
    scrape = exporter.scrape()
    return scrape if scrape.value("swap_exporter_overflow_processes") == 0 else None


def peak(observed: psutil.Process) -> int:
    status = Path(f"/proc/{observed.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) << 10


@pytest.mark.parametrize("filler", [b"\xff", "ā".encode(), b"x"], ids=["no UTF-8", "wide", "plain"])
def test_titles_of_megabytes(hostile: Path, start: Start, filler: bytes) -> None:
    """300 of 1.5 MB, of which each child owns but what it changes: that costs an attacker next to nothing."""
    exporter = start(Exporter(CONFIGURATION))
    arguments = [filler * (120_000 // len(filler))] * 13
    with running(hostile, b"app", b"retitles", b"300", *arguments):
        for _ in range(3):
            scrape = exporter.scrape()
            assert scrape.value("swap_exporter_overflow_processes") > 200
            names = [sample.labels["group"] for sample in scrape.matching("swap_group_processes")]
            assert max(len(name.encode()) for name in names) <= 256
    assert peak(psutil.Process(exporter.pid)) < MEMORY_LIMIT / 2


@pytest.mark.parametrize(
    ("pattern", "title"),
    [("^(x+x+)+y$", b"x" * 100_000), (r"^(\w|\s)*!$", b"a b " * 30_000), ("(a*)*(b*)*c$", b"ab" * 60_000)],
)
def test_regular_expressions_that_explode_elsewhere(
    hostile: Path, start: Start, pattern: str, title: bytes
) -> None:
    """A backtracking engine takes longer than the universe is old for each of these."""
    entries = f"process_names: [{{name: evil, cmdline: ['{pattern}']}}, {{name: seen, comm: [evil]}}]\n"
    exporter = start(Exporter(entries))
    evil = hostile.with_name("evil")
    evil.exists() or evil.symlink_to(hostile)
    with running(evil, title, b"stays"):
        wait_until("it is seen", lambda: exporter.scrape().sum("swap_group_processes", group="seen") == 1)


def test_a_fork_bomb(hostile: Path, start: Start) -> None:
    """20,000 processes that live for some hundredths of a second, in a group, while it is being scraped."""
    exporter = start(Exporter(CONFIGURATION))
    observed = psutil.Process(exporter.pid)
    with running(hostile, "app storm", "storms", "2000", ready=False) as warming_up:
        while warming_up.poll() is None:
            exporter.scrape()
    descriptors, threads, memory = observed.num_fds(), observed.num_threads(), observed.memory_info().rss
    before: dict[tuple[str, ...], float] = {}
    scrapes, met = 0, 0.0
    with running(hostile, "app storm", "storms", "20000", ready=False) as storm:
        while storm.poll() is None:
            scrape = exporter.scrape()
            now = counters(scrape)
            # Swap-in of a group is absent while one of it ended before it could be asked.
            assert {key for key in before if "swapin" not in key[0]} <= now.keys()
            assert all(value >= before.get(key, 0) for key, value in now.items())
            before, scrapes = before | now, scrapes + 1
            met = max(met, scrape.sum("swap_group_processes", group="app:storm"))
            assert scrape.value("swap_exporter_collector_success", collector="processes") == 1
    assert storm.returncode == 0
    assert scrapes > 10
    assert met > 20
    assert scrape.sum("swap_group_cpu_seconds_total", group="app:storm") > 0
    wait_until(
        "descriptors and threads are back",
        lambda: (observed.num_fds(), observed.num_threads()) <= (descriptors, threads),
    )
    assert observed.memory_info().rss - memory < 8 * MIB
