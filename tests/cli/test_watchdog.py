"""What feeds the watchdog of a running exporter; what takes minutes is in reliability/test_health.py."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.sampling.tree import Tree
from tests.service import PROGRAM, Service
from tests.system.waiting import wait_until

ENDS_ACCEPTING = """
import ctypes, signal, threading
def end(number, frame):
    for thread in threading.enumerate():
        if thread.name == "web-accept":
            ident, error = ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, error)
signal.signal(signal.SIGUSR1, end)
"""
"""A defect to come: SIGUSR1 ends the thread that accepts."""


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_a_thread_that_accepts_no_more_is_noticed(tmp_path: Path, ends: ExitStack) -> None:
    service = Service(tmp_path, program=ENDS_ACCEPTING + PROGRAM)
    ends.callback(service.end)
    assert service.ask("/-/healthy") == (200, "healthy\n")
    assert service.feedings(11) >= 2
    service.process.send_signal(signal.SIGUSR1)
    wait_until("it is unhealthy", lambda: service.ask("/-/healthy")[0] == 503)
    assert service.ask("/-/healthy") == (503, "not healthy: no connection is accepted any more\n")
    time.sleep(5)
    assert service.feedings(11) == 0


def test_a_sample_that_takes_long_does_not_keep_the_watchdog_waiting(tmp_path: Path, ends: ExitStack) -> None:
    """As on a host that thrashes. A pipe that nobody writes to is as slow as wanted."""
    tree = Tree(tmp_path / "proc")
    tree.write("stat", b"cpu 1\nbtime 1700000000\nprocesses 7\n")
    tree.process(1, parent=0)
    status = tree.root / "1" / "status"
    content = status.read_bytes()
    service = Service(tmp_path, f"--path.procfs={tree.root}")
    ends.callback(service.end)
    status.unlink()
    os.mkfifo(status)
    try:
        time.sleep(2)
        assert service.feedings(16) >= 2
        assert service.ask("/-/healthy") == (200, "healthy\n")
    finally:
        # Beside it first: the exporter waits in the old one.
        pipe = tree.root / "1" / "pipe"
        status.rename(pipe)
        status.write_bytes(content)
        pipe.write_bytes(content)
    last = time.time()
    wait_until("the next sample", lambda: service.last_sample() > last)
