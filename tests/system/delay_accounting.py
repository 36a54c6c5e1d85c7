"""Delay accounting on or off, and as it was before at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.require import require

SWITCH = Path("/proc/sys/kernel/task_delayacct")


@contextmanager
def accounting(on: bool) -> Iterator[None]:
    require(SWITCH.exists(), "this kernel cannot turn delay accounting on")
    before = SWITCH.read_text()
    SWITCH.write_text("1" if on else "0")
    try:
        yield
    finally:
        SWITCH.write_text(before)
