"""Fixtures of the tests on real servers and real swap.

What they start or change is gone when the test that asked for it ends: processes, cgroups, swap.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest

from bench.swap import swap_in_use
from tests.require import require
from tests.system.cgroup import MemoryCgroup, memory_cgroup
from tests.system.servers.server import Server

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("system")


@pytest.fixture(scope="session")
def swap() -> Iterator[None]:
    """Swap is on, and nobody else tests with it meanwhile."""
    require(os.geteuid() == 0, "turning swap on needs root")
    require(Path("/proc/swaps").exists(), "this kernel is built without swap")
    with ExitStack() as stack:
        try:
            stack.enter_context(swap_in_use())
        except OSError as error:
            require(False, str(error))
        yield


@pytest.fixture
def cgroup(swap: None) -> Iterator[MemoryCgroup]:
    """A memory cgroup of the test's own, to start servers in and push them out."""
    with ExitStack() as stack:
        try:
            own = stack.enter_context(memory_cgroup())
        except OSError as error:
            require(False, f"no memory cgroup can be made: {error}")
        yield own


AnyServer = TypeVar("AnyServer", bound=Server)


class Start:
    """Starts servers, in a cgroup if one is given: ``start(Gunicorn(workers=8), cgroup)``."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(self, server: AnyServer, cgroup: MemoryCgroup | None = None) -> AnyServer:
        self._stack.callback(server.end)
        missing = server.missing()
        require(not missing, str(missing))
        return server.start(cgroup)


@pytest.fixture
def start(swap: None) -> Iterator[Start]:
    """Starts servers and exporters; ends them after the test, the last one first."""
    with ExitStack() as stack:
        yield Start(stack)
