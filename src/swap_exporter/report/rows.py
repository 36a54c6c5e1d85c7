"""The rows of a report. ``None`` is unknown: left out of the table, ``null`` in JSON."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from swap_exporter.grouping.roles import Role
from swap_exporter.summary.state import State


class Swap(NamedTuple):
    """Swap of one or more processes."""

    size: int
    """Bytes."""
    proportional: bool
    """Each shared page is divided among its processes. If false, a part at least is VmSwap, which counts a
    shared page once in each process."""


class SwapIn(NamedTuple):
    """Swap-in of one or more processes between the two samples."""

    bytes_per_second: float | None
    """``None`` if only the faults are known."""
    major_faults_per_second: float
    """Major page faults, file-backed ones included."""


@dataclass(frozen=True, slots=True)
class ProcessRow:
    pid: int
    name: str
    """comm."""
    role: Role | None
    """``None`` outside groups."""
    swap: Swap | None
    resident: int | None
    swapin: SwapIn


@dataclass(frozen=True, slots=True)
class GroupRow:
    name: str
    state: State | None
    remedy: str | None
    """``None`` for a group without a state."""
    processes: int
    workers: int
    idle: int | None
    """Idle workers. ``None`` while no worker has been watched for long enough."""
    unknown: int
    """Workers that have not been watched for long enough to call them busy or idle."""
    swapped: int
    """Swapped workers, idle or not. Without an exporter all of their swap counts."""
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
    """An upper bound on what one of its swapped workers reads back when it wakes."""
    wake_seconds: float | None
    members: tuple[ProcessRow, ...]
    """By swap, largest first; empty without ``--processes``."""


@dataclass(frozen=True, slots=True)
class CommandRow:
    """Processes outside groups that have the same comm."""

    name: str
    processes: int
    swap: Swap | None
    resident: int | None
    swapin: SwapIn
    members: tuple[ProcessRow, ...]


@dataclass(frozen=True, slots=True)
class Others:
    """One row for the groups or commands in swap beyond the limit of rows."""

    rows: int
    swap: Swap | None
    resident: int | None


@dataclass(frozen=True, slots=True)
class Remainder:
    """Used swap outside processes, in bytes."""

    sysv_shm: int | None
    """/proc/sysvipc/shm; ``None`` if that cannot be read."""
    swap_cache: int
    """Slots whose page is back in memory: an upper bound, since SwapCached also counts pages of processes."""
    shared_memory: int
    """tmpfs, memfd and shared mappings, which /proc does not show: a lower bound."""
    repeated: int
    """Excess of the processes' sum over the used swap: shared pages that VmSwap counts several times, and
    pages that moved during the sample."""


@dataclass(frozen=True, slots=True)
class HostFigures:
    """The machine, in bytes and bytes per second; ``None`` if its file cannot be read."""

    swap_total: int | None
    swap_used: int | None
    swap_cached: int | None
    memory_total: int | None
    memory_available: int | None
    swapin: float | None
    """Without zswap, like ``swap_host_swapin_bytes_per_second``."""
    swapout: float | None


@dataclass(frozen=True, slots=True)
class Report:
    at: float
    """Unix time."""
    seconds: float
    """Between the two samples."""
    verdict: str
    """One sentence for people. It covers all groups, also those without a row."""
    host: HostFigures
    groups: tuple[GroupRow, ...]
    """By swap, largest first."""
    other_groups: Others
    commands: tuple[CommandRow, ...]
    """By swap, largest first."""
    other_commands: Others
    remainder: Remainder | None
    """``None`` if the used swap, or that of a process, is unknown."""
    exporter: str | None
    """The URL of the exporter whose metrics are used."""
    exporter_problem: str | None
    """Why the exporter at the default URL gave no usable answer, as one line; ``None`` if none listens
    there."""
    exporter_groups: int
    """Number of groups that the exporter knows."""
    whole_host: bool
    """Every process of the machine was visible."""
    unreadable: int
    """Processes whose memory could not be read."""


def total(swaps: Iterable[Swap | None]) -> Swap | None:
    """The sum; ``None`` if one part is unknown."""
    size, proportional = 0, True
    for swap in swaps:
        if swap is None:
            return None
        size += swap.size
        proportional = proportional and swap.proportional
    return Swap(size, proportional)
