"""The programs that are compared. Each takes one sample of all processes on request."""

import contextlib
import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from bench.exporter_options import flags
from bench.line_service import LineService, line_service

BINARY = Path(sys.executable).with_name("swap-exporter")


class Measurement(NamedTuple):
    cpu: float
    """CPU seconds."""
    seconds: float
    """Seconds from the request to the last byte of the answer."""


Measure = Callable[[], Measurement]


@contextlib.contextmanager
def floor(programs: Path) -> Iterator[Measure]:
    with line_service([str(programs / "floor")]) as service:
        yield lambda: _ask(service)


@contextlib.contextmanager
def psutil_scan() -> Iterator[Measure]:
    with line_service([sys.executable, "-m", "bench.psutil_scan"]) as service:
        yield lambda: _ask(service)


@contextlib.contextmanager
def sampler(config_file: Path) -> Iterator[Measure]:
    with sampler_service(config_file) as service:
        yield lambda: _ask(service)


@contextlib.contextmanager
def sampler_service(config_file: Path, accept: str = "") -> Iterator[LineService]:
    """Run bench.sampler; ``accept`` is the Accept header that its expositions answer."""
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
            yield lambda: _scrape(connection, pid)


@contextlib.contextmanager
def daemon(config_file: Path) -> Iterator[tuple[Measure, int]]:
    """Run swap-exporter; also yields its pid."""
    port = free_port()
    with running(daemon_command(config_file, port)) as pid:
        wait_for(port)
        with connected(port) as connection:
            yield lambda: _scrape(connection, pid), pid


def daemon_command(config_file: Path, port: int) -> list[str]:
    return [str(BINARY), *flags(config_file), f"--web.listen-address=127.0.0.1:{port}"]


@contextlib.contextmanager
def running(command: Sequence[str]) -> Iterator[int]:
    """Run the command and yield its pid."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def _ask(service: LineService) -> Measurement:
    """The service's answer begins with the CPU seconds that it used."""
    began = time.perf_counter()
    cpu = float(service.ask().split()[0])
    return Measurement(cpu, time.perf_counter() - began)


def _scrape(connection: HTTPConnection, pid: int) -> Measurement:
    cpu, began = _cpu_seconds(pid), time.perf_counter()
    _get_metrics(connection)
    seconds = time.perf_counter() - began
    return Measurement(_cpu_seconds(pid) - cpu, seconds)


@contextlib.contextmanager
def connected(port: int) -> Iterator[HTTPConnection]:
    """One connection for many requests, as Prometheus uses it."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        yield connection
    finally:
        connection.close()


def _get_metrics(connection: HTTPConnection) -> None:
    """Raises OSError if the server refuses."""
    connection.request("GET", "/metrics")
    response = connection.getresponse()
    response.read()
    if response.status != http.client.OK:
        raise OSError(f"status {response.status}")


def wait_for(port: int, within: float = 60.0) -> None:
    """Wait until /metrics answers. Raises OSError if it does not within so many seconds."""
    deadline = time.monotonic() + within
    while True:
        try:
            with connected(port) as connection:
                _get_metrics(connection)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def _cpu_seconds(pid: int) -> float:
    """CPU seconds of a process from its clock (clock_getcpuclockid(3)): stat counts only ticks of 10 ms."""
    return time.clock_gettime((~pid << 3) | 2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
