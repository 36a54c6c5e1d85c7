"""The rows of a report. ``None`` is unknown: left out of the table, ``null`` in JSON."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from swap_exporter.grouping.roles import Role
from swap_exporter.summary.state import State


class Swap(NamedTuple):
    """What some processes have in swap."""

    size: int
    """Bytes."""
    proportional: bool
    """Each shared page is divided among its processes. Else some of it is VmSwap, which counts a shared page
    once in each process."""


class SwapIn(NamedTuple):
    """What some processes read back from swap between the two samples."""

    bytes_per_second: float | None
    """``None`` where only the faults are known."""
    major_faults_per_second: float
    """Major page faults, file-backed ones included."""


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
    """Idle workers. ``None`` while no worker has been watched for long enough."""
    unknown: int
    """Workers that have not been watched for long enough to call them busy or idle."""
    swapped: int
    """Swapped workers, idle or not; without an exporter, by all of their swap."""
    idle_swapped: int | None
    """Workers that are idle and swapped."""
    swap: Swap | None
    resident: int | None
    displaced: int | None
    stranded: int | None
    idle_seconds: float | None
    """How long the worker that has been idle longest has been idle."""
    swapin: SwapIn
    wake_bytes: int | None
    """The most that one of its swapped workers reads back when it wakes."""
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
    """One row for those beyond the limit that have anything in swap."""

    rows: int
    swap: Swap | None
    resident: int | None


@dataclass(frozen=True, slots=True)
class Remainder:
    """Used swap that belongs to no process, in bytes."""

    sysv_shm: int | None
    """/proc/sysvipc/shm; ``None`` where that cannot be read."""
    swap_cache: int
    """Slots whose page is back in memory: an upper bound, since SwapCached also counts pages of processes."""
    shared_memory: int
    """tmpfs, memfd and shared mappings, which /proc does not show: a lower bound."""
    repeated: int
    """By how much the processes exceed the used swap: shared pages that VmSwap counts several times, and
    pages that moved during the sample."""


@dataclass(frozen=True, slots=True)
class HostFigures:
    """The machine, in bytes and bytes per second; ``None`` where its file cannot be read."""

    swap_total: int | None
    swap_used: int | None
    swap_cached: int | None
    memory_total: int | None
    memory_available: int | None
    swapin: float | None
    """Without zswap's, as ``swap_host_swapin_bytes_per_second``."""
    swapout: float | None


@dataclass(frozen=True, slots=True)
class Report:
    at: float
    """Unix time."""
    seconds: float
    """Between the two samples."""
    verdict: str
    """One sentence for people, on all groups, shown or not."""
    host: HostFigures
    groups: tuple[GroupRow, ...]
    """By swap, the most first."""
    other_groups: Others
    commands: tuple[CommandRow, ...]
    """By swap, the most first."""
    other_commands: Others
    remainder: Remainder | None
    """``None`` where the used swap, or that of a process, is unknown."""
    exporter: str | None
    """The address of the exporter that was asked."""
    exporter_problem: str | None
    """Why the exporter at the default address gave no usable answer, as one line; ``None`` where none listens
    there."""
    exporter_groups: int
    """Number of groups that the exporter knows."""
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
