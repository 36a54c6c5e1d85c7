"""The memory cgroups of processes: how much of each is in swap, and how much may still be read back.

A limit also applies to the cgroups below it: what a process may use is bounded by its cgroup and by all
visible ancestors.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

from swap_exporter.details import cgroup_mounts
from swap_exporter.details.cgroup_mounts import Hierarchies, Hierarchy
from swap_exporter.kernel import cgroup_memory, files, pressure
from swap_exporter.kernel.cgroup_memory import Stat
from swap_exporter.kernel.errors import KernelFileError
from swap_exporter.kernel.pressure import Pressure

Paths = tuple[str, ...]
"""Process.cgroups: the path of a process in each hierarchy."""
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class CgroupSwap:
    """The files of one cgroup v2. ``None``: it has no such file, or the file is not readable."""

    swap: int | None
    """memory.swap.current, bytes."""
    swap_limited: bool | None
    """Whether memory.swap.max is a number."""
    swap_limit: int | None
    """memory.swap.max, bytes."""
    swapin_pages: int | None
    """memory.stat, pswpin."""
    swapout_pages: int | None
    events: Mapping[str, int] | None
    """memory.swap.events."""
    pressure: Pressure | None
    """memory.pressure."""


@dataclass(frozen=True, slots=True)
class Cgroups:
    """One reading of the cgroups of some processes."""

    swap: Mapping[str, CgroupSwap]
    """By path in v2, as in /proc/PID/cgroup. A cgroup with no readable file is left out."""
    path: Mapping[Paths, str]
    """The key in ``swap`` for the paths of a process, where there is one."""
    headroom: Mapping[Paths, int | None]
    """Bytes that may be read back before a limit is reached: the least of limit - current + inactive_file
    over the memory cgroup and its ancestors, not below 0. ``None`` without a visible limit."""
    v2_problem: str | None = field(default=None, compare=False)
    """Why no cgroup of this host has swap figures in v2, and what would help; ``None`` where they have."""


class CgroupReader:
    """Reads each cgroup once per reading."""

    def __init__(self, cgroupfs: str = "/sys/fs/cgroup", procfs: str = "/proc") -> None:
        self._cgroupfs = cgroupfs
        self._procfs = procfs

    def read(self, processes: Iterable[Paths]) -> Cgroups:
        """The cgroups with these paths. Raises KernelFileError where no hierarchy can be found."""
        return _Reading(cgroup_mounts.find(self._cgroupfs, self._procfs)).read(set(processes))


class _Reading:
    """Remembers what was read, since cgroups have ancestors in common."""

    def __init__(self, hierarchies: Hierarchies) -> None:
        self._v2, self._v1 = hierarchies
        self._stat = cache(_stat)
        self._rooms: dict[str, int | None] = {}

    def read(self, processes: set[Paths]) -> Cgroups:
        swap: dict[str, CgroupSwap | None] = {}
        path: dict[Paths, str] = {}
        for paths in processes:
            lineage = _lineage(self._v2, paths)
            if self._v2 is None or lineage is None:
                continue
            name = paths[self._v2.position]
            if name not in swap:
                swap[name] = self._swap(lineage[0])
            if swap[name] is not None:
                path[paths] = name
        return Cgroups(
            swap={name: figures for name, figures in swap.items() if figures is not None},
            path=path,
            headroom={paths: self._headroom(paths) for paths in processes},
            v2_problem=self._v2_problem(),
        )

    def _v2_problem(self) -> str | None:
        """The root of v2 lists the controllers that are on and not with v1."""
        if self._v2 is not None:
            controllers = _read(self._v2.mount, "cgroup.controllers", bytes.split)
            if controllers is not None and b"memory" in controllers:
                return None
        if self._v1 is not None:
            return "the memory controller is with cgroup v1: boot with systemd.unified_cgroup_hierarchy=1"
        if self._v2 is None:
            return "no cgroup file system is mounted: mount cgroup2, or name it by --path.cgroupfs"
        return "the memory controller of cgroup v2 is off: boot with cgroup_enable=memory"

    def _swap(self, directory: str) -> CgroupSwap | None:
        """``None`` if no file is readable."""
        limited, limit = _swap_limit(directory)
        stat = self._stat(directory)
        figures = CgroupSwap(
            swap=_size(directory, "memory.swap.current"),
            swap_limited=limited,
            swap_limit=limit,
            swapin_pages=stat.pswpin,
            swapout_pages=stat.pswpout,
            events=_read(directory, "memory.swap.events", cgroup_memory.parse_events),
            pressure=_read(directory, "memory.pressure", pressure.parse),
        )
        return None if figures == _NO_SWAP else figures

    def _headroom(self, paths: Paths) -> int | None:
        rooms = [
            self._room(directory, current, limit)
            for hierarchy, current, limit in (
                (self._v2, "memory.current", "memory.max"),
                (self._v1, "memory.usage_in_bytes", "memory.limit_in_bytes"),
            )
            for directory in _lineage(hierarchy, paths) or ()
        ]
        return min((room for room in rooms if room is not None), default=None)

    def _room(self, directory: str, current: str, limit: str) -> int | None:
        if directory not in self._rooms:
            self._rooms[directory] = self._read_room(directory, current, limit)
        return self._rooms[directory]

    def _read_room(self, directory: str, current: str, limit: str) -> int | None:
        bound = _read(directory, limit, lambda raw: cgroup_memory.parse_limit(limit, raw))
        if bound is None:
            return None
        used = _size(directory, current)
        if used is None:
            return None
        return max(0, bound - used + (self._stat(directory).inactive_file or 0))


_NO_SWAP = CgroupSwap(None, None, None, None, None, None, None)


def _lineage(hierarchy: Hierarchy | None, paths: Paths) -> tuple[str, ...] | None:
    """The directories of a process' cgroup in a hierarchy and of its ancestors, itself first."""
    if hierarchy is None or hierarchy.position >= len(paths):
        return None
    return hierarchy.lineage(paths[hierarchy.position])


def _swap_limit(directory: str) -> tuple[bool | None, int | None]:
    """Whether memory.swap.max is a number, and which; twice ``None`` if it is not readable."""
    try:
        limit = cgroup_memory.parse_limit("memory.swap.max", files.read(f"{directory}/memory.swap.max"))
    except KernelFileError:
        return None, None
    return limit is not None, limit


def _stat(directory: str) -> Stat:
    return _read(directory, "memory.stat", cgroup_memory.parse_stat) or Stat(None, None, None)


def _size(directory: str, file: str) -> int | None:
    return _read(directory, file, lambda raw: cgroup_memory.parse_size(file, raw))


def _read(directory: str, file: str, parse: Callable[[bytes], Value]) -> Value | None:
    try:
        return parse(files.read(f"{directory}/{file}"))
    except KernelFileError:
        return None
