"""Fixtures of the tests that scan the real /proc."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from swap_exporter.sampling.scan import Scanner
from tests.sampling.children import compiled


@pytest.fixture(scope="session")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """strange.c, as a program."""
    return compiled(tmp_path_factory.mktemp("strange"))


@pytest.fixture(params=[0, 1000], ids=["nothing held", "held"])
def scanner(request: pytest.FixtureRequest) -> Iterator[Scanner]:
    scanner = Scanner(cgroups=True, max_open_files=request.param)
    yield scanner
    scanner.close()
