"""A memory cgroup that holds only a test's own processes, so that nothing else is squeezed.

Only a cgroup's reclaim pushes shared pages out: MADV_PAGEOUT leaves them. Formats:
https://docs.kernel.org/admin-guide/cgroup-v1/memory.html and https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

import contextlib
import errno
import itertools
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from tests.system.waiting import wait_until

PREFIX = "swap-exporter-test-"
_RUN = secrets.token_hex(4)
"""Pids are not unique: each run may have a pid namespace of its own."""
_numbers = itertools.count()


class MemoryCgroup(ABC):
    """A memory cgroup of one's own, below the root of the hierarchy."""

    def __init__(self, root: Path, origin: Path) -> None:
        """``root`` is where the hierarchy is mounted, ``origin`` the cgroup that processes go back to."""
        # Left by a run that was killed; in use, rmdir refuses. Runs take turns: see bench.swap.LOCK.
        for stale in root.glob(f"{PREFIX}*"):
            if not stale.name.startswith(f"{PREFIX}{_RUN}-"):
                with contextlib.suppress(OSError):
                    stale.rmdir()
        self.origin = origin
        self.path = root / f"{PREFIX}{_RUN}-{next(_numbers)}"
        self.path.mkdir()

    def command(self, *argv: str) -> list[str]:
        """``argv``, started inside the cgroup, so that all its memory is charged there; keeps the pid."""
        return ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.path / "cgroup.procs"), *argv]

    def add(self, pid: int) -> None:
        """Move a process in. What it has allocated before stays charged to where it was."""
        (self.path / "cgroup.procs").write_text(str(pid))

    def pids(self) -> list[int]:
        return [int(line) for line in (self.path / "cgroup.procs").read_text().split()]

    def remove(self) -> None:
        """Move the processes that are left back to where they came from, and remove the cgroup."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                (self.origin / "cgroup.procs").write_text(str(pid))
        wait_until(f"{self.path} can be removed", self._removed)

    def _removed(self) -> bool:
        try:
            self.path.rmdir()
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            return False
        return True

    def push_out(self) -> None:
        """Push all memory of the processes out, shared pages included."""
        for _ in range(10):  # pages that are under write-back go at the next turn
            before = self.usage()
            # Reclaim goes by statistics that lag by up to 2 s, and finds nothing to do right after many
            # faults; reading them brings them up to date.
            (self.path / "memory.stat").read_text()
            self._reclaim()
            if before - self.usage() < 64 << 10:
                return

    @abstractmethod
    def _reclaim(self) -> None: ...

    @abstractmethod
    def limit(self, size: int | None) -> None:
        """Limit the memory, not the swap, to ``size`` bytes; ``None`` lifts the limit."""

    @abstractmethod
    def usage(self) -> int:
        """Bytes of memory charged, swap not counted."""

    @abstractmethod
    def swap(self) -> int:
        """Bytes of swap charged."""


class CgroupV1(MemoryCgroup):
    def _reclaim(self) -> None:
        with contextlib.suppress(OSError):
            (self.path / "memory.force_empty").write_text("0")

    def limit(self, size: int | None) -> None:
        (self.path / "memory.limit_in_bytes").write_text(str(-1 if size is None else size))

    def usage(self) -> int:
        return int((self.path / "memory.usage_in_bytes").read_text())

    def swap(self) -> int:
        lines = (self.path / "memory.stat").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("total_swap ")))


class CgroupV2(MemoryCgroup):
    def _reclaim(self) -> None:
        try:
            (self.path / "memory.reclaim").write_text(str(self.usage()))
        except OSError as error:
            if error.errno != errno.EAGAIN:  # less could be reclaimed than was asked for
                raise

    def limit(self, size: int | None) -> None:
        (self.path / "memory.max").write_text("max" if size is None else str(size))

    def usage(self) -> int:
        return int((self.path / "memory.current").read_text())

    def swap(self) -> int:
        return int((self.path / "memory.swap.current").read_text())


def make_memory_cgroup() -> MemoryCgroup:
    """A new cgroup in the hierarchy that has the memory controller. OSError where there is none to be had."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, kind, options, *_ = line.split()
        root = Path(mount)
        if kind == "cgroup" and "memory" in options.split(","):
            return CgroupV1(root, root / _own_path("memory"))
        if kind == "cgroup2" and "memory" in (root / "cgroup.controllers").read_text().split():
            (root / "cgroup.subtree_control").write_text("+memory")
            return CgroupV2(root, root / _own_path(""))
    raise OSError("no cgroup hierarchy with the memory controller is mounted")


def _own_path(controller: str) -> str:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return path.lstrip("/")
    raise OSError(f"this process is in no cgroup of {controller or 'v2'}")


@contextlib.contextmanager
def memory_cgroup() -> Iterator[MemoryCgroup]:
    cgroup = make_memory_cgroup()
    try:
        yield cgroup
    finally:
        cgroup.remove()
