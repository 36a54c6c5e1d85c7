"""What a service manager receives, on a real datagram socket."""

import logging
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from swap_exporter.systemd import Supervisor

PROGRAM = [sys.executable, "-c", "import sys; from swap_exporter.cli import main; sys.exit(main())"]


class Manager:
    """The receiving end."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address[0] == "@" else address)
        self.socket.settimeout(60)

    def received(self) -> list[str]:
        """The lines of the next message."""
        return self.socket.recv(4096).decode().split("\n")

    def until(self, line: str) -> list[str]:
        """The messages up to one with this line, as their first lines."""
        first = []
        while True:
            message = self.received()
            first.append(message[0])
            if line in message:
                return first


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    name = f"{tmp_path}/notify" if request.param == "path" else f"@swap-exporter-test-{os.getpid()}"
    with ExitStack() as stack:
        manager = Manager(name)
        stack.callback(manager.socket.close)
        yield manager


def test_states_are_told_in_their_words(manager: Manager) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "3000000"})
    supervisor.ready("serving on [::]:10059")
    assert manager.received() == ["READY=1", "STATUS=serving on [::]:10059"]
    supervisor.alive()
    assert manager.received() == ["WATCHDOG=1"]
    supervisor.reloading()
    reloading, since = manager.received()
    assert reloading == "RELOADING=1"
    assert since.removeprefix("MONOTONIC_USEC=").isdecimal()
    supervisor.stopping()
    assert manager.received() == ["STOPPING=1"]


def test_a_status_of_several_lines_is_one_line_and_sets_no_other_variable(manager: Manager) -> None:
    Supervisor({"NOTIFY_SOCKET": manager.address}).ready("a.yml:1:1: wrong\nMAINPID=1\n\udcff")
    assert manager.received() == ["READY=1", "STATUS=a.yml:1:1: wrong MAINPID=1 ?"]


def test_a_long_status_is_cut_before_systemd_ignores_the_message(manager: Manager) -> None:
    Supervisor({"NOTIFY_SOCKET": manager.address}).ready("\N{SKULL}" * 5000)
    assert len("\n".join(manager.received()).encode()) < select.PIPE_BUF


def test_nobody_is_told_where_nobody_asks() -> None:
    supervisor = Supervisor({})
    supervisor.ready("")
    supervisor.watch(120.0)
    supervisor.alive()


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (
            {"WATCHDOG_USEC": "120000000"},
            ["WATCHDOG_USEC=360000000", "WATCHDOG=1", "WATCHDOG_USEC=120000000"],
        ),
        ({"WATCHDOG_USEC": "20000000"}, ["WATCHDOG_USEC=360000000", "WATCHDOG=1", "WATCHDOG_USEC=120000000"]),
        ({"WATCHDOG_USEC": "600000000"}, ["WATCHDOG=1"]),
        (
            {"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())},
            ["WATCHDOG_USEC=360000000", "WATCHDOG=1", "WATCHDOG_USEC=120000000"],
        ),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "1"}, []),
        ({"WATCHDOG_USEC": "0"}, []),
        ({"WATCHDOG_USEC": "soon"}, []),
        ({}, []),
    ],
    ids=[
        "the unit's",
        "shorter",
        "longer",
        "of this process",
        "of another process",
        "off",
        "nonsense",
        "none",
    ],
)
def test_the_watchdog_waits_as_long_as_it_is_asked_to_and_never_less_than_the_unit_says(
    manager: Manager, variables: dict[str, str], told: list[str]
) -> None:
    supervisor = Supervisor(variables | {"NOTIFY_SOCKET": manager.address})
    supervisor.watch(360.0)
    supervisor.watch(360.0)
    supervisor.alive()
    supervisor.watch(120.0)
    supervisor.stopping()
    assert manager.until("STOPPING=1") == [*told, "STOPPING=1"]


def test_a_child_process_inherits_no_variable() -> None:
    variables = {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "120000000", "WATCHDOG_PID": str(os.getpid())}
    Supervisor(variables)
    assert not variables


def test_without_a_watchdog_none_is_fed(manager: Manager) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": manager.address})
    supervisor.alive()
    supervisor.stopping()
    assert manager.received() == ["STOPPING=1"]


def test_a_manager_that_is_gone_costs_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("swap_exporter"), "propagate", True)
    Supervisor({"NOTIFY_SOCKET": f"{tmp_path}/nowhere"}).stopping()
    (record,) = caplog.records
    assert record.message == "sd_notify failed"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Manager, Path]]:
    """The daemon, ticking every 100 ms, with its notifications; its /proc is a link that can be removed."""
    manager = Manager(f"{tmp_path}/notify")
    procfs = tmp_path / "proc"
    procfs.symlink_to("/proc")
    configuration = tmp_path / "swap-exporter.yaml"
    configuration.write_text("tick: 100ms\nmin_sample_interval: 100ms\n")
    process = subprocess.Popen(
        [
            *PROGRAM,
            "--web.listen-address=127.0.0.1:0",
            f"--path.procfs={procfs}",
            f"--config.file={configuration}",
        ],
        env={**os.environ, "NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "60000000"},
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process, manager, tmp_path
    process.kill()
    process.communicate(timeout=60)
    manager.socket.close()


def test_a_service_tells_its_life(served: tuple[subprocess.Popen[str], Manager, Path]) -> None:
    process, manager, directory = served
    ready, status = manager.received()
    assert ready == "READY=1"
    assert status.startswith("STATUS=serving on 127.0.0.1:")
    assert manager.received() == ["WATCHDOG_USEC=120000000"]
    assert manager.received() == manager.received() == ["WATCHDOG=1"]

    (directory / "swap-exporter.yaml").write_text("tick: 2m\n")
    process.send_signal(signal.SIGHUP)
    assert "RELOADING=1" in manager.until("STATUS=configuration reloaded")
    manager.until("WATCHDOG_USEC=360000000")
    (directory / "swap-exporter.yaml").write_text("tock: 1s\n")
    process.send_signal(signal.SIGHUP)
    manager.until("RELOADING=1")
    ready, status = manager.received()
    assert ready == "READY=1"
    # What is wrong is in the log: it quotes the file, and every user can read the status.
    assert status == "STATUS=configuration not reloaded, the running one stays; mistakes: 1, see the log"

    process.terminate()
    manager.until("STOPPING=1")
    assert process.wait(60) == 0
