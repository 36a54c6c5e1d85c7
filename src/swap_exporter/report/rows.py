"""The rows of a report. What is ``None`` is not known, and left out of the table; JSON has ``null``."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from swap_exporter.grouping.roles import Role


class State(StrEnum):
    """What a group needs somebody to look at it for."""

    WAKING = "waking"
    """It reads itself back from swap now."""
    STRANDED = "stranded"
    """The exporter says so: idle workers in swap that memory could hold."""
    SWAPPED = "swapped"
    """Workers are in swap and memory has room for them; which of them are idle is unknown."""


class Swap(NamedTuple):
    """What some processes hold in swap."""

    size: int
    """Bytes."""
    proportional: bool
    """Shared pages are divided among their sharers. Else VmSwap stands in for a part, and may count some of
    them several times."""


class SwapIn(NamedTuple):
    """What some processes read back from swap between the two samples."""

    bytes_per_second: float | None
    """``None`` where only the faults are known."""
    major_faults_per_second: float
    """Faults that waited for I/O, of files too."""


@dataclass(frozen=True, slots=True)
class ProcessRow:
    pid: int
    name: str
    """comm."""
    role: Role | None
    """``None`` outside of groups."""
    swap: Swap | None
    resident: int | None
    swapin: SwapIn


@dataclass(frozen=True, slots=True)
class GroupRow:
    name: str
    state: State | None
    remedy: str | None
    """For a group that has a state."""
    processes: int
    workers: int
    idle: int | None
    """Workers, as an exporter counts them. ``None`` while it has watched none for long enough."""
    unknown: int | None
    """Workers that the exporter has not watched for long enough to call them busy or idle."""
    swapped: int
    """Workers, as an exporter counts them; without one, by all of their swap."""
    idle_swapped: int | None
    """Workers, as an exporter counts them."""
    swap: Swap | None
    resident: int | None
    displaced: int | None
    stranded: int | None
    idle_seconds: float | None
    """For how long the worker has been idle that has been so for longest."""
    swapin: SwapIn
    wake_bytes: int | None
    """At most so much comes back when one of its swapped workers wakes."""
    wake_seconds: float | None
    members: tuple[ProcessRow, ...]
    """By swap; empty unless asked for."""


@dataclass(frozen=True, slots=True)
class CommandRow:
    """Processes outside of groups that have the same comm."""

    name: str
    processes: int
    swap: Swap | None
    resident: int | None
    swapin: SwapIn
    members: tuple[ProcessRow, ...]


@dataclass(frozen=True, slots=True)
class Others:
    """Rows that hold swap and are too many to show, as one."""

    rows: int
    swap: Swap | None
    resident: int | None


@dataclass(frozen=True, slots=True)
class Remainder:
    """Used swap that no process shows; bytes. The parts add up to what is left of it."""

    sysv_shm: int | None
    """/proc/sysvipc/shm; ``None`` where that cannot be read."""
    swap_cache: int
    """Slots whose page is back in memory: at most so much, for SwapCached counts some that processes show."""
    shared_memory: int
    """tmpfs, memfd and shared mappings, at least so much; /proc shows them nowhere."""
    repeated: int
    """What the processes show beyond what is used: shared pages that VmSwap counts several times, and what
    moved while it was read."""


@dataclass(frozen=True, slots=True)
class HostFigures:
    """The machine, in bytes and bytes per second; ``None`` where its file cannot be read."""

    swap_total: int | None
    swap_used: int | None
    swap_cached: int | None
    memory_total: int | None
    memory_available: int | None
    swapin: float | None
    """zswap's included."""
    swapout: float | None


@dataclass(frozen=True, slots=True)
class Report:
    at: float
    """Unix time."""
    seconds: float
    """Between the two samples."""
    verdict: str
    """One sentence for people, of all groups, whether they are among the rows or not."""
    host: HostFigures
    groups: tuple[GroupRow, ...]
    """By swap, the most first."""
    other_groups: Others
    commands: tuple[CommandRow, ...]
    """By swap, the most first."""
    other_commands: Others
    remainder: Remainder | None
    """``None`` where what is used, or what a process holds, is not known."""
    exporter: str | None
    """The address that told about idleness."""
    exporter_problem: str | None
    """Why the exporter at the default address gave no usable answer, as one line; ``None`` where none listens
    there."""
    groups_told: int
    """Groups, of all there are, that the exporter knows."""
    whole_host: bool
    """Every process of the machine was visible."""
    unreadable: int
    """Processes whose memory could not be read."""


def total(swaps: Iterable[Swap | None]) -> Swap | None:
    """The sum; ``None`` if one part is not known."""
    size, proportional = 0, True
    for swap in swaps:
        if swap is None:
            return None
        size += swap.size
        proportional = proportional and swap.proportional
    return Swap(size, proportional)
