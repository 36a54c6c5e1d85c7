"""No test and no measurement waits for ever: a call that can wait says for how long."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [path for folder in ("tests", "bench") for path in sorted((ROOT / folder).rglob("*.py"))]

WAITS = {"communicate", "wait", "join", "get"}
"""Methods that wait without a limit when they get no argument."""
RUNS = {"run", "check_call", "check_output", "call"}
"""Functions of subprocess that wait for a program."""


def unlimited(source: str) -> Iterator[int]:
    """The lines of calls that may wait for ever."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        limited = any(keyword.arg == "timeout" for keyword in node.keywords)
        owner = node.func.value
        if isinstance(owner, ast.Name) and owner.id == "subprocess":
            if node.func.attr in RUNS and not limited:
                yield node.lineno
        elif node.func.attr in WAITS and not limited and not node.args:
            yield node.lineno


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_wait_has_a_limit(path: Path) -> None:
    assert not list(unlimited(path.read_text())), "lines of calls that need a timeout"


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("process.wait()", True),
        ("process.wait(15)", False),
        ("process.communicate()", True),
        ("process.communicate(timeout=5)", False),
        ("thread.join()", True),
        ("', '.join(names)", False),
        ("queue.get()", True),
        ("labels.get(name)", False),
        ("subprocess.run(['true'], check=True)", True),
        ("subprocess.run(['true'], timeout=5)", False),
    ],
)
def test_what_counts_as_a_wait(call: str, found: bool) -> None:
    assert list(unlimited(call)) == ([1] if found else [])
