"""One process from sample to sample: what of it has to be read again, and why the rest need not be.

**Whether it has run.** A process of one thread that has not run since it was read has changed nothing of its
own: CPU time, faults, title, threads, program and user are what they were. Its schedstat tells that exactly:
it counts how often the thread got a CPU, and for how long. That file stays open. Where there are more threads
it speaks of the first alone; CPU time is that of all, but a step of 10 ms is too coarse. Such a process is
read each time, and so is one for which no descriptor is left.

**Who it is.** An open file of a process speaks of that process for ever: when it has ended reading fails,
also if somebody else has its pid by then. So does a directory, relative to which everything is read when all
is, and the start time is compared. Of a status that was read by pid alone, reading schedstat afterwards tells
that it was this one's.

**What others do to it.** Its pages may be pushed out and come back while it sleeps: by reclaim, by whoever
reads its memory, by swapoff. What the kernel counts for the whole host tells whose status has to be read all
the same (:class:`Moved`). Its parent may end: the table of processes sees to that.

**What nothing tells** is found when its turn comes to be read anyway, after ten minutes at most: that it is
moved to another cgroup; that pages of a file, or such as it has given up (MADV_FREE), are taken from it; that
its memory is made of huge pages (khugepaged); that a page is unmapped and the swap cache keeps it; and what
another process does that runs in the same memory (CLONE_VM without CLONE_THREAD).

Evidence is read before what it stands for: what happens in between shows at the next sample.
"""

import os
from collections.abc import Mapping
from enum import Enum

from swap_exporter.kernel import files, status
from swap_exporter.kernel.errors import KernelFileError, MalformedFile
from swap_exporter.kernel.schedstat import parse as parse_schedstat
from swap_exporter.kernel.vmstat import Vmstat
from swap_exporter.sampling import reading
from swap_exporter.sampling.reading import Reading
from swap_exporter.sampling.sample import CpuClock, Process

HELD_BYTES = 5400
"""Kernel memory of an open file of a process: dentries and inodes, and the page that it is printed to."""

_SCHEDSTAT_SIZE, _STATUS_SIZE = 64, 8192
"""Bytes: of the longest three numbers; and more than all that is looked at."""


SMALL_SWAP_CACHE = 256 << 10
"""Bytes. So little in the swap cache is taken for nothing: by no more can VmSwap of a process be off, and the
kernel counts it no better, for each CPU adds up to 125 pages before it tells."""
_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


class Moved(Enum):
    """Whose VmSwap can be another than at the last sample although the process has not run."""

    NOTHING = "nobody's"
    BACK = "of those that have any"
    """It can have fallen: what the swap cache has comes back without being read, which nothing counts."""
    ANYTHING = "everybody's"


def moved_between(before: Vmstat | None, now: Vmstat | None) -> Moved:
    """By what the kernel counted before two samples.

    pswpin and pswpout alone tell too little: zero-filled pages are not written (swpin_zero, swpout_zero,
    where the kernel has them), zswap keeps others, and one that the swap cache has is unmapped without being
    written again, and freed, which shows in nr_swapcached.
    """
    if before is None or now is None:
        return Moved.ANYTHING
    needed = (now.pswpin, now.pswpout, now.zswpin, now.zswpout, now.nr_swapcached)
    if None in needed or now != before:
        return Moved.ANYTHING
    return Moved.BACK if (now.nr_swapcached or 0) * _PAGE_SIZE > SMALL_SWAP_CACHE else Moved.NOTHING


Evidence = tuple[int, bytes]
"""Of a process: a descriptor of its schedstat, and what that said before it was read last."""


def ran(asleep: Mapping[int, Evidence]) -> list[int]:
    """Which of these processes have run since, or ended. Most of the time of a sample of a host at rest goes
    by here, hence no more than a read and a comparison of each."""
    pread, found = os.pread, []
    for pid, (schedstat, before) in asleep.items():
        try:
            if pread(schedstat, _SCHEDSTAT_SIZE, 0) != before:
                found.append(pid)
        except OSError:
            found.append(pid)
    return found


class Tracked:
    """The last reading of a process, and how to tell whether it is out of date."""

    __slots__ = ("_cgroups", "_ran", "_reading", "_schedstat", "_status", "process")

    def __init__(self, pid: int, proc: int, *, limit: int, cgroups: bool, hold: int) -> None:
        """Read it for the first time. ``proc``: a descriptor of the proc file system; ``limit``: the most
        bytes of its title; ``hold``: how many of schedstat and status, in this order, may stay open until
        :meth:`close`.

        Raises KernelFileError where there is no such process, or it is not to be had.
        """
        self._cgroups = cgroups
        self._schedstat: int | None = None
        self._status: int | None = None
        """These are descriptors."""
        self._ran: bytes | None = None
        """schedstat from before the last reading; ``None`` where it does not tell whether it has run."""
        self._reading: Reading
        self.process: Process
        directory = files.open_directory(str(pid), proc)
        try:
            self._keep_open(directory, hold)
            self._read(directory, pid, None, limit, with_title=True)
            self._keep_open(directory, hold if self.process.threads == 1 else 0)
        except BaseException:
            self.close()
            raise
        finally:
            os.close(directory)

    @property
    def held(self) -> int:
        """How many of its files are open."""
        return (self._schedstat is not None) + (self._status is not None)

    @property
    def address_space(self) -> tuple[int, int]:
        """Its size in bytes and its resident pages: stat, fields 23 and 24."""
        return self._reading.address_space

    @property
    def denied(self) -> bool:
        """Its status was refused or made no sense, so that its memory is not known."""
        return self._reading.denied

    def close(self) -> None:
        """Give the descriptors back. It can be read all the same, and held again."""
        for descriptor in (self._schedstat, self._status):
            if descriptor is not None:
                os.close(descriptor)
        self._schedstat = self._status = self._ran = None

    @property
    def evidence(self) -> Evidence | None:
        """What tells whether it has run since; ``None`` where it has to be read to know."""
        return None if self._schedstat is None or self._ran is None else (self._schedstat, self._ran)

    def is_current(self, proc: int, moved: Moved) -> bool:
        """Whether the last reading still holds, brought up to date in what others can have changed; if not,
        everything has to be read, which also tells what is wrong."""
        ran, schedstat = self._ran, self._schedstat
        if ran is None or schedstat is None:
            return False
        try:
            if not self._may_have_changed(moved):
                return os.pread(schedstat, _SCHEDSTAT_SIZE, 0) == ran
            raw = (
                os.pread(self._status, _STATUS_SIZE, 0)
                if self._status is not None
                else files.read_record(f"{self.process.pid}/status", proc)
            )
            if os.pread(schedstat, _SCHEDSTAT_SIZE, 0) != ran:
                return False
            if not raw.startswith(self._reading.memory):
                self._take_memory(raw)
        except (OSError, KernelFileError):
            return False
        return True

    def read(self, proc: int, *, limit: int, hold: int, with_title: bool = False) -> None:
        """Read everything again; ``with_title``: title and cgroups also where nothing says that it has run.

        Raises KernelFileError: Vanished where it has ended, also if another has its pid now.
        """
        directory = files.open_directory(str(self.process.pid), proc)
        try:
            # Of one that is held nobody would ask if it had not run.
            whole = with_title or self._schedstat is not None
            self._read(directory, self.process.pid, self._reading, limit, with_title=whole)
            self._keep_open(directory, hold if self.process.threads == 1 else 0)
        finally:
            os.close(directory)

    def _read(
        self, directory: int, pid: int, before: Reading | None, limit: int, *, with_title: bool
    ) -> None:
        ran, self._ran = self._read_schedstat(), None
        clock = _clock(ran if ran is not None else self._schedstat_once(directory, before))
        now = reading.read(
            directory, pid, before, clock, limit=limit, cgroups=self._cgroups, with_title=with_title
        )
        # The same object where nothing has changed: whoever has seen it need not look at it again.
        self.process = before.process if before is not None and now.process == before.process else now.process
        self._reading = now._replace(process=self.process)
        # One that is running may go on, and on some CPUs its time is told no earlier than it leaves one.
        if now.whole and self.process.state != "R" and ran is not None and clock is not None:
            self._ran = ran

    def _keep_open(self, directory: int, allowed: int) -> None:
        """Open as many files as are allowed, or close them where none is; one too many stays as it is. What
        is opened here is of use from the next reading on."""
        if allowed == 0:
            self.close()
            return
        if self._schedstat is None:
            self._schedstat = _opened("schedstat", directory)
        if allowed > 1 and self._status is None and self._schedstat is not None:
            self._status = _opened("status", directory)

    def _may_have_changed(self, moved: Moved) -> bool:
        if moved is Moved.BACK:
            return self.process.swap != 0
        return moved is Moved.ANYTHING and not self.process.kernel_thread

    def _take_memory(self, raw: bytes) -> None:
        now = status.parse(raw)
        process = self.process._replace(
            swap=now.swap, resident=now.resident, resident_anonymous=now.resident_anonymous
        )
        self.process = self.process if process == self.process else process
        self._reading = self._reading._replace(process=self.process, memory=status.up_to_swap(raw))

    def _read_schedstat(self) -> bytes | None:
        try:
            return None if self._schedstat is None else os.pread(self._schedstat, _SCHEDSTAT_SIZE, 0)
        except OSError:
            return None

    def _schedstat_once(self, directory: int, before: Reading | None) -> bytes | None:
        """schedstat where the file is not kept open. Skipped for several threads."""
        if before is not None and (before.process.threads > 1 or before.process.kernel_thread):
            return None
        try:
            return files.read("schedstat", directory)
        except KernelFileError:
            return None


def _opened(file: str, directory: int) -> int | None:
    try:
        return files.open_file(file, directory)
    except KernelFileError:  # not every kernel has it; and what cannot be held is read each time
        return None


def _clock(raw: bytes | None) -> CpuClock | None:
    """``None`` also where a kernel has schedstat and leaves it at 0."""
    try:
        now = None if raw is None else parse_schedstat(raw)
    except MalformedFile:
        return None
    return None if now is None or now.timeslices == 0 else CpuClock(now.running_ns, now.timeslices)
