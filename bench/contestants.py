"""Those who are measured: each takes one sample of all processes when asked."""

import contextlib
import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from bench.exporter_options import flags
from bench.line_service import LineService, line_service

BINARY = Path(sys.executable).with_name("swap-exporter")


class Reading(NamedTuple):
    cpu: float
    """Seconds."""
    seconds: float
    """From the request to the last byte of the answer."""


Measure = Callable[[], Reading]


@contextlib.contextmanager
def floor(built: Path) -> Iterator[Measure]:
    with line_service([str(built / "floor")]) as service:
        yield lambda: ask(service)


@contextlib.contextmanager
def psutil_scan() -> Iterator[Measure]:
    with line_service([sys.executable, "-m", "bench.psutil_scan"]) as service:
        yield lambda: ask(service)


@contextlib.contextmanager
def sampler(config_file: Path) -> Iterator[Measure]:
    with sampling(config_file) as service:
        yield lambda: ask(service)


@contextlib.contextmanager
def sampling(config_file: Path, accept: str = "") -> Iterator[LineService]:
    """bench.sampler; ``accept`` is the format of its expositions."""
    with line_service([sys.executable, "-m", "bench.sampler", str(config_file), accept]) as service:
        yield service


@contextlib.contextmanager
def process_exporter(config_file: Path) -> Iterator[Measure]:
    port = free_port()
    command = [
        "prometheus-process-exporter",
        f"-config.path={config_file}",
        "-threads=false",
        "-gather-smaps=false",
        f"-web.listen-address=127.0.0.1:{port}",
    ]
    with running(command) as pid:
        wait_for(port)
        with connected(port) as connection:
            yield lambda: scrape(connection, pid)


@contextlib.contextmanager
def daemon(config_file: Path) -> Iterator[tuple[Measure, int]]:
    """Also its pid."""
    port = free_port()
    with running(daemon_command(config_file, port)) as pid:
        wait_for(port)
        with connected(port) as connection:
            yield lambda: scrape(connection, pid), pid


def daemon_command(config_file: Path, port: int) -> list[str]:
    return [str(BINARY), *flags(config_file), f"--web.listen-address=127.0.0.1:{port}"]


@contextlib.contextmanager
def running(command: Sequence[str]) -> Iterator[int]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def ask(service: LineService) -> Reading:
    """The answer begins with the CPU seconds that it took."""
    began = time.perf_counter()
    cpu = float(service.ask().split()[0])
    return Reading(cpu, time.perf_counter() - began)


def scrape(connection: HTTPConnection, pid: int) -> Reading:
    cpu, began = cpu_of(pid), time.perf_counter()
    answer(connection, "/metrics")
    seconds = time.perf_counter() - began
    return Reading(cpu_of(pid) - cpu, seconds)


@contextlib.contextmanager
def connected(port: int) -> Iterator[HTTPConnection]:
    """One connection for many requests, as Prometheus has it."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        yield connection
    finally:
        connection.close()


def answer(connection: HTTPConnection, path: str, headers: Mapping[str, str] | None = None) -> bytes:
    """The body as it came, compressed if the headers ask for it. Raises OSError where it is refused."""
    connection.request("GET", path, headers=headers or {})
    response = connection.getresponse()
    body = response.read()
    if response.status != http.client.OK:
        raise OSError(f"status {response.status}")
    return body


def get(port: int, path: str = "/metrics", headers: Mapping[str, str] | None = None) -> bytes:
    """The same on a connection of its own."""
    with connected(port) as connection:
        return answer(connection, path, headers)


def wait_for(port: int, within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while True:
        try:
            get(port)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def cpu_of(pid: int) -> float:
    """CPU seconds of a process, by its clock (clock_getcpuclockid(3)): stat would tell ticks."""
    return time.clock_gettime((~pid << 3) | 2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
