"""postgres: a backend for each connection, which has its heap in a variable of its session."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.system import independent
from tests.zoo.family import Family, Request

ACCOUNT = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
FILL = (
    "select length(set_config('zoo.heap', string_agg(md5(n::text), ''), false)) from generate_series(1, {}) n"
)
TOUCH = "select length(current_setting('zoo.heap'))"
BURN = """\
do $$ declare stop timestamptz := clock_timestamp() + {} * interval '1 ms';
begin while clock_timestamp() < stop loop null; end loop; end $$"""


def programs() -> Path | None:
    """Debian has a directory for each version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return found[-1] if found else None


class Psql:
    """A session; its backend is the worker."""

    def __init__(self, port: int, directory: Path) -> None:
        command = ["psql", "--no-psqlrc", "-qAtX", f"--host={directory}", f"--port={port}", "postgres"]
        self._process = subprocess.Popen(
            [*ACCOUNT, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/"
        )

    def run(self, *statements: str) -> str:
        """The last line that they print. ConnectionError where the session has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write("".join(f"{s};\n" for s in statements) + "\\echo END\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise ConnectionError("psql has ended") from error
        last = ""
        while (line := self._process.stdout.readline().strip()) != "END":
            last = line
            if not line and self._process.poll() is not None:
                raise ConnectionError("psql has ended")
        return last

    def ask(self, request: Request) -> int:
        touch = [TOUCH] if request.touch else []
        return int(self.run(*touch, BURN.format(request.ms), "select pg_backend_pid()"))

    def close(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=60)


class Postgres(Family):
    name = "postgres"
    group = "postgres.*"
    keeps = True

    def missing(self) -> str | None:
        if programs() and shutil.which("psql"):
            return None
        return "postgres is not installed: apt install postgresql"

    def argv(self) -> Sequence[str]:
        found = programs()
        assert found
        data = self.directory / "data"
        data.mkdir()
        for path in (self.directory, data):
            shutil.chown(path, "postgres", "postgres")
        initialise = [*ACCOUNT, str(found / "initdb"), "--no-sync", "--auth=trust", "-D", str(data)]
        subprocess.run(initialise, check=True, capture_output=True, cwd="/", timeout=120)
        return [
            *ACCOUNT,
            str(found / "postgres"),
            "-D",
            str(data),
            f"-p{self.port}",
            "-k",
            str(self.directory),
            "-clisten_addresses=127.0.0.1",
            "-cshared_buffers=16MB",
            "-cfsync=off",
        ]

    def workers(self) -> list[int]:
        """Those that serve a connection."""
        return [pid for pid in independent.children(self.pid) if " [local]" in independent.title(pid)]

    def _ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"it ended with status {self.process.returncode}")
        return (self.directory / f".s.PGSQL.{self.port}").exists()

    def connect(self) -> Psql:
        session = Psql(self.port, self.directory)
        session.run(FILL.format(self.heap * 32768))
        return session

    def prepare(self) -> None:
        for _ in range(self.count):
            channel = self.connect()
            self._channels[channel.ask(Request())] = channel


FAMILY = Postgres
