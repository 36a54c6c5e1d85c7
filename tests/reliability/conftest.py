"""Fixtures of the tests that do to the running exporter what hosts, processes and administrators do to it."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest

from tests.require import require
from tests.system.servers.server import Server

HERE = Path(__file__).parent
AnyServer = TypeVar("AnyServer", bound=Server)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("system")


class Start:
    """Starts exporters, and ends them after the test: cleanly, which is a part of it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(self, server: AnyServer) -> AnyServer:
        self._stack.callback(server.end)
        missing = server.missing()
        require(not missing, str(missing))
        return server.start()


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:
        yield Start(stack)
