"""A second reading of /proc that shares no code with the exporter's: psutil where it has the number."""

from pathlib import Path
from typing import NamedTuple

import psutil


class Memory(NamedTuple):
    """One process, in bytes."""

    swap: int
    """VmSwap."""
    proportional_swap: int
    """SwapPss."""
    resident: int
    resident_anonymous: int


def memory(pid: int) -> Memory:
    status = Path(f"/proc/{pid}/status").read_text()
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return Memory(
        swap=_kilobytes(status, "VmSwap"),
        proportional_swap=_kilobytes(rollup, "SwapPss"),
        resident=resident(pid),
        resident_anonymous=_kilobytes(status, "RssAnon"),
    )


def swap(*pids: int) -> int:
    """Sum of VmSwap, in bytes."""
    return sum(memory(pid).swap for pid in pids)


def proportional_swap(*pids: int) -> int:
    """Sum of SwapPss, in bytes."""
    return sum(memory(pid).proportional_swap for pid in pids)


def resident(pid: int) -> int:
    """Bytes in memory."""
    size: int = psutil.Process(pid).memory_info().rss
    return size


def cpu_seconds(*pids: int) -> float:
    """User and system time, waited-for children not counted."""
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


def children(pid: int) -> list[int]:
    return sorted(child.pid for child in psutil.Process(pid).children())


def descendants(pid: int) -> list[int]:
    return sorted(child.pid for child in psutil.Process(pid).children(recursive=True))


def title(pid: int) -> str:
    """Its command line; nothing once it has ended."""
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.NoSuchProcess:  # a zombie, too
        return ""


def _kilobytes(text: str, field: str) -> int:
    for line in text.splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {field} in {text!r}")
