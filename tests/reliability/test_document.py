"""docs/reliability.md speaks of tests that are there, and of metrics that are in the contract."""

import re
from pathlib import Path

import pytest

from tests.deploy.contract import ROOT, metrics

DOCUMENT = (ROOT / "docs" / "reliability.md").read_text()
TESTS = Path(__file__).parent.parent


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`([\w/]+\.py(?:::\w+)?)`", DOCUMENT))))
def test_each_test_that_it_names_is_there(named: str) -> None:
    file, _, name = named.partition("::")
    assert re.search(rf"^(def|class) {name}\b" if name else "", (TESTS / file).read_text(), re.M)


def test_each_metric_that_it_names_is_there() -> None:
    named = re.findall(r"`(swap_[a-z_]+)(?:\{.*?\})?`", DOCUMENT)
    assert len(named) > 10
    assert set(named) <= set(metrics())
