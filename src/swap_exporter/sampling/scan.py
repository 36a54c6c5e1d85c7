"""One pass over /proc: every process that could be read, once, as itself.

Why the pass is right. The directory of a process is opened once and its files are read relative to that
descriptor, which speaks of that one process for ever: when it ends reads fail, and a process that gets the
same pid cannot be mixed in. vmstat is read before the processes, so that pages which move meanwhile show as a
difference to the next sample and are never missed. A title is read after the numbers that tell whether the
process has run: if the title changes after that, these numbers differ at the next pass, and it is read again.
Every failure is one of the errors in kernel/errors.py and costs what it touched: one file, or one process.
"""

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from swap_exporter.kernel import cgroup, cmdline, files, stat, status
from swap_exporter.kernel.errors import Exhausted, KernelFileError, Unreadable, Vanished
from swap_exporter.kernel.stat import Stat
from swap_exporter.kernel.status import Status
from swap_exporter.sampling.collectors import Collectors
from swap_exporter.sampling.host import COLLECTORS, HostReader
from swap_exporter.sampling.sample import CollectorRun, Host, Instant, Process, Sample

TITLES_LIMIT = 4 << 20
"""Characters of all titles in a sample, in the order of pids; beyond that each is cut at SHORT_TITLE bytes.
Who starts processes chooses their titles, and each is decoded, searched and kept: a thousand of the longest
took a quarter of a gigabyte, and longer than a scraper waits."""
SHORT_TITLE = 1 << 10


class _Seen(NamedTuple):
    """What one pass remembers of a process for the next."""

    stat: Stat
    switches: bytes | None
    argv: tuple[str, ...]
    cgroups: tuple[str, ...] | None


class Scanner:
    """Takes samples, and remembers from the last what need not be read again."""

    def __init__(
        self,
        procfs: str = "/proc",
        sysfs: str = "/sys",
        *,
        cgroups: bool = False,
        collectors: frozenset[str] = COLLECTORS,
    ) -> None:
        """``cgroups``: read /proc/PID/cgroup too. ``collectors``: which of COLLECTORS are on."""
        self._procfs = procfs
        self._sysfs = sysfs
        self._cgroups = cgroups
        self._collectors = collectors
        self._seen: dict[int, _Seen] = {}

    def scan(self, clock: Callable[[], Instant]) -> Sample:
        """One pass. Raises nothing; the sample says whether it is complete."""
        at = clock()
        collectors = Collectors(self._collectors, clock)
        host = HostReader(self._procfs, self._sysfs, collectors)
        vmstat = host.vmstat()
        began, problem = clock().monotonic, None
        walk = _Walk(self._seen, self._cgroups)
        try:
            walk.through(self._procfs)
            self._seen = walk.seen
        except KernelFileError as error:
            problem = str(error)
        run = CollectorRun("processes", problem is None, clock().monotonic - began, problem)
        return Sample(
            at=at,
            processes=walk.processes,
            vanished=walk.vanished,
            denied=walk.denied,
            host=Host(
                host.meminfo(),
                vmstat,
                host.pressure(),
                host.swap_devices(),
                host.sysv_shm_swap(),
                host.zram(),
            ),
            collectors=(run, *collectors.runs),
            complete=problem is None,
            # Refused, or left out of the directory, in which process 1 is the one that always is.
            hides_processes=walk.denied > 0 or 1 not in walk.processes,
        )


def check_procfs(path: str) -> None:
    """Raises KernelFileError, whose text is one line for people, unless ``path`` shows a process."""
    try:
        pids = _numbers(files.list_directory(path))
    except Vanished:
        raise Unreadable(path, "not a proc file system: no such directory") from None
    for pid in pids:
        try:
            stat.parse(files.read(f"{path}/{pid}/stat"))
        except KernelFileError:
            continue
        return
    raise Unreadable(path, "not a proc file system: it has no readable PID/stat")


class _Walk:
    """One pass over the processes, under way."""

    def __init__(self, before: dict[int, _Seen], cgroups: bool) -> None:
        self._before = before
        self._cgroups = cgroups
        self._newcomers: list[int] = []
        self._titles_left = TITLES_LIMIT
        self.processes: dict[int, Process] = {}
        self.seen: dict[int, _Seen] = {}
        self.vanished = 0
        self.denied = 0

    def through(self, procfs: str) -> None:
        """Raises KernelFileError where the walk could not go on."""
        root = files.open_directory(procfs)
        try:
            for pid in _numbers(files.list_directory(".", root)):
                try:
                    directory = files.open_directory(str(pid), root)
                    try:
                        self._read(pid, directory)
                    finally:
                        os.close(directory)
                except Vanished:
                    self.vanished += 1
                except Exhausted:
                    raise
                except KernelFileError:
                    self.denied += 1
        finally:
            os.close(root)
        self._leave_out_vfork_children()

    def _read(self, pid: int, directory: int) -> None:
        """Raises KernelFileError where the process is not to be had."""
        now = stat.parse(files.read("stat", directory))
        if now.kernel_thread:
            self.processes[pid] = _process(pid, now, None, 0, 0, 0, (), None)
            return
        task, memory = "", None
        try:
            memory = status.parse(files.read("status", directory))
            if memory.swap is None:
                task, memory = _of_a_thread(pid, now, memory, directory)
        except (Vanished, Exhausted):
            raise
        except KernelFileError:
            self.denied += 1

        before = self._before.get(pid)
        if before is None or before.stat.start_ticks != now.start_ticks:
            before = None
            self._newcomers.append(pid)
        switches = memory.switches if memory else None
        limit = cmdline.LIMIT if self._titles_left > 0 else SHORT_TITLE
        if before and _size(before.argv) <= limit and not _may_have_run(before, now, switches):
            argv, cgroups = before.argv, before.cgroups
        else:
            argv, cgroups = (before.argv, before.cgroups) if before else ((), None)
            try:
                # Nothing at all is the answer of a process at its end or in the middle of exec.
                argv = cmdline.parse(files.read(task + "cmdline", directory, limit)) or argv
                if self._cgroups:
                    cgroups = tuple(entry.path for entry in cgroup.parse(files.read("cgroup", directory)))
            except Exhausted:
                raise
            except KernelFileError:
                switches = None
        self._titles_left -= _size(argv)
        self.seen[pid] = _Seen(now, switches, argv, cgroups)
        if memory:
            self.processes[pid] = _process(
                pid,
                now,
                memory.effective_uid,
                memory.swap,
                memory.resident,
                memory.resident_anonymous,
                argv,
                cgroups,
            )
        else:
            self.processes[pid] = _process(pid, now, None, None, None, None, argv, cgroups)

    def _leave_out_vfork_children(self) -> None:
        """Until it execs such a child runs in its parent's memory, which would count twice. The parent waits
        in state D meanwhile, so that its numbers stand still and equal the child's. A forked child's do not:
        it starts without most of its parent's file pages."""
        for pid in self._newcomers:
            child = self.processes[pid]
            parent = self.processes.get(child.parent_pid)
            if parent is None or parent.state != "D" or parent.kernel_thread or not child.resident:
                continue
            mine, its = self.seen[pid].stat, self.seen[parent.pid].stat
            if (mine.virtual_bytes, mine.resident_pages, mine.layout, child.swap) == (
                its.virtual_bytes,
                its.resident_pages,
                its.layout,
                parent.swap,
            ):
                del self.processes[pid], self.seen[pid]


def _numbers(names: Iterable[str]) -> list[int]:
    return sorted(int(name) for name in names if name.isascii() and name.isdecimal())


def _size(argv: tuple[str, ...]) -> int:
    return sum(map(len, argv))


def _of_a_thread(pid: int, now: Stat, leader: Status, directory: int) -> tuple[str, Status]:
    """A leader that ended before its other threads shows no memory, but they do: folder and status of one.

    Where none is left, the address space is gone and its sizes are 0.
    """
    if now.threads > 1:
        for thread in _numbers(files.list_directory("task", directory)):
            if thread == pid:
                continue
            task = f"task/{thread}/"
            try:
                memory = status.parse(files.read(task + "status", directory))
            except Vanished:
                continue
            if memory.swap is not None:
                return task, memory
    return "", leader._replace(swap=0, resident=0, resident_anonymous=0)


def _may_have_run(before: _Seen, now: Stat, switches: bytes | None) -> bool:
    """Whether the process can have changed its title since.

    Context switches are the main thread's, and CPU time moves in whole ticks: other threads can have run
    unseen, and a process that is running has not been switched away yet.
    """
    return (
        now.threads > 1
        or now.state == "R"
        or switches is None
        or switches != before.switches
        or now.cpu_ticks != before.stat.cpu_ticks
        or now.comm != before.stat.comm
    )


def _process(
    pid: int,
    now: Stat,
    effective_uid: int | None,
    swap: int | None,
    resident: int | None,
    resident_anonymous: int | None,
    argv: tuple[str, ...],
    cgroups: tuple[str, ...] | None,
) -> Process:
    return Process(
        pid=pid,
        start_ticks=now.start_ticks,
        parent_pid=now.parent_pid,
        comm=now.comm,
        state=now.state,
        threads=now.threads,
        kernel_thread=now.kernel_thread,
        cpu_ticks=now.cpu_ticks,
        children_cpu_ticks=now.children_cpu_ticks,
        major_faults=now.major_faults,
        layout=now.layout,
        argv=argv,
        swap=swap,
        resident=resident,
        resident_anonymous=resident_anonymous,
        effective_uid=effective_uid,
        cgroups=cgroups,
    )
