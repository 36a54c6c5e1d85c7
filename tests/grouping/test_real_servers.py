"""The built-in entries on servers that run: started on the loopback, scanned, ended."""

import contextlib
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from swap_exporter.sampling import clock
from swap_exporter.sampling.scan import Scanner
from tests.grouping.table import grouper, members_of
from tests.require import require
from tests.system.servers.environment import bin_directory
from tests.system.servers.server import free_port
from tests.system.waiting import wait_until

pytestmark = pytest.mark.system

APPLICATION = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "3")])
    return [b"ok\\n"]

async def asgi(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
"""

TASKS = """
from celery import Celery
tasks = Celery("tasks", broker="memory://")
"""

Expected = dict[tuple[str, str], int]


@pytest.fixture(scope="module")
def venv() -> Path:
    try:
        return bin_directory().parent
    except (OSError, subprocess.SubprocessError) as error:
        require(False, f"servers from PyPI cannot be installed: {error}")
        raise


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(APPLICATION)
    (tmp_path / "tasks.py").write_text(TASKS)
    untitled = tmp_path / "untitled"
    untitled.mkdir()
    (untitled / "setproctitle.py").write_text("raise ImportError")
    return tmp_path


@contextlib.contextmanager
def running(argv: Sequence[str], directory: Path, *, titled: bool) -> Iterator[int]:
    """The pid of a session of its own; whatever is in it when the test is over is ended."""
    path = [str(directory), *([] if titled else [str(directory / "untitled")])]
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(
            argv,
            cwd=directory,
            env=os.environ | {"PYTHONPATH": ":".join(path), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield server.pid
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(15)
        for pid in in_session(server.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.wait(15)


def in_session(session: int) -> set[int]:
    found = set()
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(pid) == session:
                found.add(pid)
    return found


SERVERS = {
    "gunicorn": (
        "gunicorn -w 3 -b localhost:{port} shop:app",
        {("gunicorn:shop:app", "master"): 1, ("gunicorn:shop:app", "worker"): 3},
    ),
    "gunicorn gthread": (
        "gunicorn -w 2 -k gthread --threads 4 --preload -b localhost:{port} -n basket shop:app",
        {("gunicorn:basket", "master"): 1, ("gunicorn:basket", "worker"): 2},
    ),
    "uvicorn": (
        "uvicorn --workers 2 --host localhost --port {port} shop:asgi",
        {
            ("uvicorn:shop:asgi", "master"): 1,
            ("uvicorn:shop:asgi", "worker"): 2,
            ("uvicorn:shop:asgi", "auxiliary"): 1,
        },
    ),
    "hypercorn": (
        "hypercorn -w 2 -b localhost:{port} shop:asgi",
        {
            ("hypercorn:shop:asgi", "master"): 1,
            ("hypercorn:shop:asgi", "worker"): 2,
            ("hypercorn:shop:asgi", "auxiliary"): 1,
        },
    ),
    "granian": (
        "granian --interface wsgi --workers 2 --host 127.0.0.1 --port {port} shop:app",
        {("granian:shop:app", "master"): 1, ("granian:shop:app", "worker"): 2},
    ),
    "celery": (
        "celery -A tasks worker -c 2 -n mail@%h",
        {("celery:mail", "master"): 1, ("celery:mail", "worker"): 2},
    ),
    "celery without children": (
        "celery -A tasks worker --pool=solo -n mail@%h",
        {("celery:mail", "worker"): 1},
    ),
}
TITLED = {"granian": {("granian", "master"): 1, ("granian", "worker"): 2}}
UNTITLED = {"celery without children": {("celery", "worker"): 1}}


@pytest.mark.parametrize("titled", [True, False], ids=["titled", "untitled"])
@pytest.mark.parametrize("server", SERVERS)
def test_groups_and_roles_of_a_running_server(server: str, titled: bool, venv: Path, directory: Path) -> None:
    command, expected = SERVERS[server]
    expected = (TITLED if titled else UNTITLED).get(server, expected)
    program, *arguments = command.format(port=free_port()).split()
    scanner, seeing = Scanner(), grouper()

    def told() -> Expected:
        grouping = seeing.assign(scanner.scan(clock.now))
        ours = in_session(session)
        return dict(
            Counter((one.group, one.role.value) for one in members_of(grouping) if one.process.pid in ours)
        )

    def as_expected() -> bool:
        assert told() == expected
        return True

    with running([str(venv / "bin" / program), *arguments], directory, titled=titled) as session:
        try:
            wait_until(f"{server} has its processes, and each its role", as_expected)
            assert [told() for _ in range(5)] == [expected] * 5
        except AssertionError as error:
            error.add_note((directory / "log").read_text(errors="replace")[-2000:])
            raise


def test_workers_that_outlive_their_master(venv: Path, directory: Path) -> None:
    command = f"uvicorn --workers 2 --host localhost --port {free_port()} shop:asgi".split()
    scanner, seeing = Scanner(), grouper()

    def workers() -> set[int]:
        grouping = seeing.assign(scanner.scan(clock.now))
        ours = in_session(session) - {session}
        return {
            one.process.pid
            for one in members_of(grouping)
            if one.process.pid in ours and (one.group, one.role) == ("uvicorn:shop:asgi", "worker")
        }

    with running([str(venv / "bin" / command[0]), *command[1:]], directory, titled=True) as session:
        before = wait_until("there are two workers", lambda: found if len(found := workers()) == 2 else None)
        assert workers() == before
        os.kill(session, signal.SIGKILL)
        wait_until("their master is gone", lambda: psutil.Process(min(before)).ppid() != session)
        assert workers() == before
