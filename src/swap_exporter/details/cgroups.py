"""The memory cgroups that processes are in: how much of them lies in swap, and what has room to come back.

Limits bind from above: what a process can get back is bounded by its cgroup and by each that holds it, up to
the highest that can be seen from here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from swap_exporter.details import cgroup_mounts
from swap_exporter.details.cgroup_mounts import Hierarchies, Hierarchy
from swap_exporter.kernel import cgroup_memory, files, pressure
from swap_exporter.kernel.cgroup_memory import Stat
from swap_exporter.kernel.errors import KernelFileError
from swap_exporter.kernel.pressure import Pressure

Paths = tuple[str, ...]
"""Process.cgroups: where a process is in each hierarchy."""
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class CgroupSwap:
    """The files of one cgroup v2. ``None`` is what it does not have, or what could not be read."""

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
    """By path in v2, as /proc/PID/cgroup gives it. A cgroup of which nothing could be read is left out."""
    path: Mapping[Paths, str]
    """The path in ``swap`` of each process' cgroups that is there."""
    headroom: Mapping[Paths, int | None]
    """Bytes that may come back before the first limit is met: the least of limit - current + inactive_file of
    the memory cgroup and its ancestors, not below 0. ``None`` where there is no limit, or none to be seen."""
    v2_problem: str | None = field(default=None, compare=False)
    """Why no cgroup of this host has figures of swap in v2, and what would help; ``None`` where they have."""


class CgroupReader:
    """Reads each cgroup once per reading."""

    def __init__(self, cgroupfs: str = "/sys/fs/cgroup", procfs: str = "/proc") -> None:
        self._cgroupfs = cgroupfs
        self._procfs = procfs

    def read(self, processes: Iterable[Paths]) -> Cgroups:
        """Of the processes' cgroups. Raises KernelFileError where no hierarchy can be found."""
        hierarchies = cgroup_mounts.find(self._cgroupfs, self._procfs)
        return _Reading(hierarchies).of(set(processes))


class _Reading:
    def __init__(self, hierarchies: Hierarchies) -> None:
        self._v2, self._v1 = hierarchies
        self._stats: dict[str, Stat | None] = {}
        self._rooms: dict[str, int | None] = {}

    def of(self, processes: set[Paths]) -> Cgroups:
        swap: dict[str, CgroupSwap] = {}
        path: dict[Paths, str] = {}
        headroom: dict[Paths, int | None] = {}
        nowhere: set[str] = set()
        for paths in processes:
            if place := _place(self._v2, paths):
                name, lineage = place
                if name not in swap and name not in nowhere:
                    figures = self._figures(lineage[0])
                    if figures is None:
                        nowhere.add(name)
                    else:
                        swap[name] = figures
                if name in swap:
                    path[paths] = name
            headroom[paths] = self._headroom(paths)
        return Cgroups(swap, path, headroom, self._v2_problem())

    def _v2_problem(self) -> str | None:
        """The root of v2 lists the controllers that v1 does not have and that are not off."""
        if self._v2 is not None:
            controllers = _read(self._v2.mount, "cgroup.controllers", bytes.split)
            if controllers is not None and b"memory" in controllers:
                return None
        if self._v1 is not None:
            return "the memory controller is with cgroup v1: boot with systemd.unified_cgroup_hierarchy=1"
        if self._v2 is None:
            return "no cgroup file system is mounted: mount cgroup2, or name it by --path.cgroupfs"
        return "the memory controller of cgroup v2 is off: boot with cgroup_enable=memory"

    def _figures(self, directory: str) -> CgroupSwap | None:
        limits = _read(
            directory, "memory.swap.max", lambda raw: (cgroup_memory.parse_limit("memory.swap.max", raw),)
        )
        stat = self._stat(directory)
        figures = CgroupSwap(
            swap=_size(directory, "memory.swap.current"),
            swap_limited=None if limits is None else limits[0] is not None,
            swap_limit=None if limits is None else limits[0],
            swapin_pages=stat and stat.pswpin,
            swapout_pages=stat and stat.pswpout,
            events=_read(directory, "memory.swap.events", cgroup_memory.parse_events),
            pressure=_read(directory, "memory.pressure", pressure.parse),
        )
        return None if figures == _NOTHING else figures

    def _headroom(self, paths: Paths) -> int | None:
        rooms = []
        for hierarchy, current, limit in (
            (self._v2, "memory.current", "memory.max"),
            (self._v1, "memory.usage_in_bytes", "memory.limit_in_bytes"),
        ):
            if place := _place(hierarchy, paths):
                rooms += [self._room(directory, current, limit) for directory in place[1]]
        return min((room for room in rooms if room is not None), default=None)

    def _room(self, directory: str, current: str, limit: str) -> int | None:
        if directory not in self._rooms:
            self._rooms[directory] = self._read_room(directory, current, limit)
        return self._rooms[directory]

    def _read_room(self, directory: str, current: str, limit: str) -> int | None:
        bound = _read(directory, limit, lambda raw: cgroup_memory.parse_limit(limit, raw))
        if bound is None:
            return None
        used, stat = _size(directory, current), self._stat(directory)
        if used is None:
            return None
        return max(0, bound - used + ((stat and stat.inactive_file) or 0))

    def _stat(self, directory: str) -> Stat | None:
        if directory not in self._stats:
            self._stats[directory] = _read(directory, "memory.stat", cgroup_memory.parse_stat)
        return self._stats[directory]


_NOTHING = CgroupSwap(None, None, None, None, None, None, None)


def _place(hierarchy: Hierarchy | None, paths: Paths) -> tuple[str, tuple[str, ...]] | None:
    """A process' path in a hierarchy, and the directories of that cgroup and its ancestors."""
    if hierarchy is None or hierarchy.position >= len(paths):
        return None
    path = paths[hierarchy.position]
    lineage = hierarchy.lineage(path)
    return None if lineage is None else (path, lineage)


def _size(directory: str, file: str) -> int | None:
    return _read(directory, file, lambda raw: cgroup_memory.parse_size(file, raw))


def _read(directory: str, file: str, parse: Callable[[bytes], Value]) -> Value | None:
    try:
        return parse(files.read(f"{directory}/{file}"))
    except KernelFileError:
        return None
