"""What is written from the table of metrics is what the table says now."""

from pathlib import Path
from typing import Any

import pytest

from swap_exporter.exposition.row import Row
from tests.deploy.metric_lists import FILES, subjects

ROWS = {row.name: row for _, rows in subjects() for row in rows}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_file_is_what_the_table_gives(path: Path) -> None:
    assert path.read_text() == FILES[path](), "the table has changed: make metrics"


def test_a_metric_has_one_row() -> None:
    assert len(ROWS) == sum(len(rows) for _, rows in subjects())


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.name)
def test_a_counter_is_named_as_one_and_a_help_is_a_sentence(row: Row[Any]) -> None:
    assert row.name.endswith("_total") == (row.type == "counter")
    assert row.help.endswith(".")
    assert "|" not in row.help
