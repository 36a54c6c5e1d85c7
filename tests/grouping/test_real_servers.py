"""The built-in entries on servers that run: started on the loopback, scanned, ended."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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

API = """
from fastapi import FastAPI
app = FastAPI()
"""

WEB = """
from sanic import Sanic, text
app = Sanic("web")
@app.get("/")
async def root(request): return text("ok")
"""

ACTORS = """
import dramatiq
from dramatiq.brokers.stub import StubBroker
dramatiq.set_broker(StubBroker())
"""

QUEUE = """
from huey import SqliteHuey
queue = SqliteHuey(filename="huey.db")
"""

JOBS = """
import os
from arq.connections import RedisSettings
async def nothing(ctx): pass
class Settings:
    functions = [nothing]
    redis_settings = RedisSettings(port=int(os.environ["REDIS_PORT"]))
"""

MOJOLICIOUS = """
use Mojolicious::Lite;
app->config(hypnotoad => {{
  listen => ['http://127.0.0.1:{port}'], workers => 2, pid_file => '{directory}/pid'
}});
app->start;
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
    (tmp_path / "api.py").write_text(API)
    (tmp_path / "web.py").write_text(WEB)
    (tmp_path / "actors.py").write_text(ACTORS)
    (tmp_path / "hueyapp.py").write_text(QUEUE)
    (tmp_path / "jobs.py").write_text(JOBS)
    script = MOJOLICIOUS.format(port=free_port(), directory=tmp_path)
    (tmp_path / "mojo.pl").write_text(script)
    (tmp_path / "spool").mkdir()
    untitled = tmp_path / "untitled"
    untitled.mkdir()
    (untitled / "setproctitle.py").write_text("raise ImportError")
    return tmp_path


@contextlib.contextmanager
def running(
    argv: Sequence[str], directory: Path, *, titled: bool, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """The pid of a session of its own; whatever is in it when the test is over is ended."""
    path = [str(directory), *([] if titled else [str(directory / "untitled")])]
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(
            argv,
            cwd=directory,
            env={
                **os.environ,
                "PYTHONPATH": ":".join(path),
                "PYTHONDONTWRITEBYTECODE": "1",
                **(environment or {}),
            },
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
    "celery with beat": (
        "celery -A tasks worker -B -c 2 -n mail@%h",
        {("celery:mail", "master"): 1, ("celery:mail", "worker"): 2, ("celery:mail", "auxiliary"): 1},
    ),
    "fastapi": (
        "fastapi run --workers 2 --host 127.0.0.1 --port {port} api.py",
        {("fastapi:api", "master"): 1, ("fastapi:api", "worker"): 2, ("fastapi:api", "auxiliary"): 1},
    ),
    "sanic": (
        "sanic web:app --workers 2 --host 127.0.0.1 --port {port}",
        {("sanic:web:app", "master"): 1, ("sanic:web:app", "worker"): 2, ("sanic:web:app", "auxiliary"): 2},
    ),
    "daphne": ("daphne -b 127.0.0.1 -p {port} shop:asgi", {("daphne:shop:asgi", "worker"): 1}),
    "waitress": (
        "waitress-serve --listen=127.0.0.1:{port} shop:app",
        {("waitress:shop:app", "worker"): 1},
    ),
    "dramatiq": (
        "dramatiq -p 2 -t 2 actors",
        {("dramatiq:actors", "master"): 1, ("dramatiq:actors", "worker"): 2},
    ),
    "huey": (
        "huey_consumer -w 2 -k process hueyapp.queue",
        {
            ("huey:hueyapp.queue", "master"): 1,
            ("huey:hueyapp.queue", "worker"): 2,
            ("huey:hueyapp.queue", "auxiliary"): 1,
        },
    ),
    "celery without children": (
        "celery -A tasks worker --pool=solo -n mail@%h",
        {("celery:mail", "worker"): 1},
    ),
}
TITLED: dict[str, Expected] = {}
UNTITLED = {"celery without children": {("celery", "worker"): 1}}


@pytest.mark.parametrize("titled", [True, False], ids=["titled", "untitled"])
@pytest.mark.parametrize("server", SERVERS)
def test_groups_and_roles_of_a_running_server(server: str, titled: bool, venv: Path, directory: Path) -> None:
    command, expected = SERVERS[server]
    expected = (TITLED if titled else UNTITLED).get(server, expected)
    program, *arguments = command.format(port=free_port()).split()

    with running([str(venv / "bin" / program), *arguments], directory, titled=titled) as session:
        _shows(session, expected, directory)


UWSGI = "uwsgi --plugin python3,http -p 2 --http 127.0.0.1:{port} --wsgi-file shop.py --callable app"
PACKAGED = {
    "uwsgi's router, mule and spooler": (
        f"{UWSGI} --master --mule --spooler {{directory}}/spool",
        {("uwsgi:shop", "master"): 1, ("uwsgi:shop", "worker"): 2, ("uwsgi:shop", "auxiliary"): 3},
    ),
    "uwsgi's router without a master": (UWSGI, {("uwsgi:shop", "worker"): 2, ("uwsgi:shop", "auxiliary"): 1}),
    "hypnotoad": (
        "hypnotoad -f {directory}/mojo.pl",
        {("hypnotoad:mojo", "master"): 1, ("hypnotoad:mojo", "worker"): 2},
    ),
}


@pytest.mark.parametrize("server", PACKAGED)
def test_groups_and_roles_of_a_packaged_server(server: str, directory: Path) -> None:
    command, expected = PACKAGED[server]
    argv = command.format(port=free_port(), directory=directory).split()
    require(shutil.which(argv[0]) is not None, f"{argv[0]} is not installed")
    with running(argv, directory, titled=True) as session:
        _shows(session, expected, directory)


@pytest.fixture
def redis(directory: Path) -> Iterator[int]:
    """The port of a server that keeps nothing on disk."""
    require(shutil.which("redis-server") is not None, "redis-server is not installed")
    port = free_port()
    beside = directory / "redis"
    beside.mkdir()
    command = f"redis-server --port {port} --bind 127.0.0.1 --save".split()
    with running([*command, ""], beside, titled=True) as session:
        _shows(session, {(f"redis:{port}", "worker"): 1}, beside)
        yield port


def test_arq_is_one_process(venv: Path, directory: Path, redis: int) -> None:
    environment = {"REDIS_PORT": str(redis)}
    argv = [str(venv / "bin/arq"), "jobs.Settings"]
    with running(argv, directory, titled=True, environment=environment) as session:
        _shows(session, {("arq:jobs.Settings", "worker"): 1}, directory)


@pytest.mark.parametrize("titled", [True, False], ids=["titled", "untitled"])
def test_a_work_horse_of_rq_is_no_worker(titled: bool, venv: Path, directory: Path, redis: int) -> None:
    enqueue = "import sys; from redis import Redis; from rq import Queue; "
    enqueue += "Queue('high', connection=Redis(port=int(sys.argv[1]))).enqueue('time.sleep', 100)"
    argv = [str(venv / "bin/rq"), "worker", "-u", f"redis://127.0.0.1:{redis}", "high"]
    with running(argv, directory, titled=titled) as session:
        _shows(session, {("rq", "worker"): 1}, directory)
        subprocess.run([venv / "bin/python", "-c", enqueue, str(redis)], check=True, timeout=60)
        _shows(session, {("rq", "worker"): 1, ("rq", "auxiliary"): 1}, directory)


def _shows(session: int, expected: Expected, directory: Path) -> None:
    """Wait until the processes of a session have these groups and roles, and see that they keep them."""
    scanner, seeing = Scanner(), grouper()

    def shown() -> Expected:
        grouping = seeing.assign(scanner.scan(clock.now))
        ours = in_session(session)
        return dict(
            Counter((one.group, one.role.value) for one in members_of(grouping) if one.process.pid in ours)
        )

    def settled() -> bool:
        # For some milliseconds after its fork a child still has the signals of its parent.
        assert [shown() for _ in range(5)] == [expected] * 5
        return True

    try:
        wait_until("the server has its processes, and each its role", settled)
        assert [shown() for _ in range(5)] == [expected] * 5
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
