"""The directories of a process' memory cgroups.

A line of /proc/PID/cgroup has a path below the root of the reader's cgroup namespace, and a mount shows part
of the same tree. A cgroup's directory is its path relative to the mount's root, below the mount point. Both
paths begin with ``/..`` outside of the namespace. A cgroup outside of the mount has no directory.
"""

from posixpath import normpath
from typing import NamedTuple

from swap_exporter.kernel import cgroup, files, mountinfo
from swap_exporter.kernel.errors import KernelFileError
from swap_exporter.kernel.mountinfo import Mount


class Hierarchy(NamedTuple):
    """The visible part of one tree of cgroups."""

    mount: str
    """The mount point."""
    root: str
    """The cgroup that is mounted there."""
    position: int
    """The index of its line in /proc/PID/cgroup: the same for all processes."""

    def lineage(self, path: str) -> tuple[str, ...] | None:
        """The directories of a cgroup and of its ancestors, itself first; ``None`` outside of the mount."""
        above, below = _steps(self.root), _steps(path)
        if above is None or below is None or below[: len(above)] != above or ".." in below[len(above) :]:
            return None
        names = below[len(above) :]
        return tuple("/".join((self.mount, *names[:depth])) for depth in range(len(names), -1, -1))


class Hierarchies(NamedTuple):
    v2: Hierarchy | None
    v1_memory: Hierarchy | None


def find(cgroupfs: str, procfs: str) -> Hierarchies:
    """The hierarchies that are mounted at ``cgroupfs`` or directly below.

    Raises KernelFileError if /proc/PID/cgroup is not readable.
    """
    memberships = cgroup.parse(_read_memberships(procfs))
    v2 = v1_memory = None
    for position, membership in enumerate(memberships):
        if membership.hierarchy == 0:
            v2 = position
        elif "memory" in membership.controllers:
            v1_memory = position
    mounts = _mounts(cgroupfs, procfs)
    return Hierarchies(
        None if v2 is None else _hierarchy(v2, [mount for mount in mounts if mount.kind == "cgroup2"]),
        None
        if v1_memory is None
        else _hierarchy(v1_memory, [mount for mount in mounts if "memory" in mount.super_options]),
    )


def _read_memberships(procfs: str) -> bytes:
    try:
        return files.read(f"{procfs}/self/cgroup")
    except KernelFileError:  # the /proc of another pid namespace does not show this process
        return files.read(f"{procfs}/1/cgroup")


def _mounts(cgroupfs: str, procfs: str) -> list[Mount]:
    """The mounts in the directory; if the kernel's list is not readable, the usual ones that are there."""
    cgroupfs = normpath(cgroupfs)
    try:
        mounts = mountinfo.parse(files.read(f"{procfs}/self/mountinfo"))
    except KernelFileError:
        return _usual(cgroupfs)
    shown = [
        mount
        for mount in mounts
        if mount.kind in ("cgroup", "cgroup2") and f"{mount.path}/".startswith(f"{cgroupfs}/")
    ]
    return shown or _usual(cgroupfs)


def _usual(cgroupfs: str) -> list[Mount]:
    usual = []
    for path, kind, option in (
        (cgroupfs, "cgroup2", "rw"),
        (f"{cgroupfs}/unified", "cgroup2", "rw"),
        (f"{cgroupfs}/memory", "cgroup", "memory"),
    ):
        try:
            names = files.list_directory(path)
        except KernelFileError:
            continue
        if ("cgroup.controllers" if kind == "cgroup2" else "cgroup.procs") in names:
            usual.append(Mount("/", path, kind, (option,)))
    return usual


def _hierarchy(position: int, mounts: list[Mount]) -> Hierarchy | None:
    """From several mounts of one tree, the one that shows most of it: its root is the highest."""
    best = min(mounts, key=lambda mount: _height(mount.root), default=None)
    return None if best is None else Hierarchy(best.path, best.root, position)


def _height(root: str) -> int:
    steps = _steps(root) or ()
    return sum(-1 if step == ".." else 1 for step in steps)


def _steps(path: str) -> tuple[str, ...] | None:
    """The components; ``None`` unless every ``..`` is at the front."""
    if not path.startswith("/"):
        return None
    steps = tuple(step for step in path.split("/") if step not in ("", "."))
    climbing = len(steps) - len([step for step in steps if step != ".."])
    return None if ".." in steps[climbing:] else steps
