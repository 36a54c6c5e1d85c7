"""One process from sample to sample: what must be read again, and what can be reused.

**Whether it has run.** A single-threaded process that has not run since it was read has not changed its own
CPU time, faults, title, threads, program or user. Its schedstat shows exactly whether it has run: it counts
how often the thread got a CPU, and for how long. That file stays open. With more threads, schedstat covers
the main thread only, and CPU time, which covers all, moves in steps of 10 ms. Such a process is read each
time, and so is one for which no descriptor is left.

**Identity.** An open /proc/PID file always refers to the same process: reading fails once that has ended,
even if its pid is reused. The same is true of an open directory, so a full read is relative to one, and the
start time is compared. After a status that was opened by pid, reading the open schedstat proves that the
process still exists.

**What others change.** Pages can be swapped out and in while the process sleeps: by reclaim, by a process
that reads its memory, by swapoff. Counters of the whole host show which status files must be read anyway
(:class:`SwapActivity`). If the parent ends, :mod:`~swap_exporter.sampling.processes` reads the children.

**What no counter shows** is found by the full refresh, within ten minutes: a move to another cgroup;
reclaimed file pages and MADV_FREE pages; collapse into huge pages (khugepaged); a page that is unmapped but
stays in the swap cache; and what another process does in the same memory (CLONE_VM without CLONE_THREAD).

schedstat is read before the other files, so a change in between shows at the next sample.
"""

import os
from collections.abc import Mapping
from enum import Enum

from swap_exporter.kernel import files, status
from swap_exporter.kernel.errors import KernelFileError, MalformedFile
from swap_exporter.kernel.schedstat import parse as parse_schedstat
from swap_exporter.kernel.vmstat import Vmstat
from swap_exporter.sampling import reading
from swap_exporter.sampling.reading import ProcessReading
from swap_exporter.sampling.sample import CpuClock, Process

OPEN_FILE_BYTES = 5400
"""Kernel memory of an open /proc/PID file: dentries, inodes and the page of its content."""

_SCHEDSTAT_SIZE, _STATUS_SIZE = 64, 8192
"""Bytes: enough for the three longest numbers, and for every line of status that is used."""

SMALL_SWAP_CACHE = 256 << 10
"""Bytes. A smaller swap cache is ignored: it bounds the error of a VmSwap, and the counter itself is not more
exact, because each CPU batches up to 125 pages."""
_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


class SwapActivity(Enum):
    """Which processes can have a new VmSwap since the last sample although they have not run."""

    NONE = "none"
    SWAP_CACHE = "those with pages in swap"
    """It can have fallen: a page in the swap cache returns without a read, which no counter shows."""
    ANY = "any"


def swap_activity(before: Vmstat | None, now: Vmstat | None) -> SwapActivity:
    """From the counters before two samples.

    pswpin and pswpout alone are not enough: zero-filled pages are not written (swpin_zero, swpout_zero, on
    kernels that have them), zswap keeps others, and a page that is still in the swap cache is unmapped and
    freed without another write, which shows in nr_swapcached.
    """
    if before is None or now is None:
        return SwapActivity.ANY
    needed = (now.pswpin, now.pswpout, now.zswpin, now.zswpout, now.nr_swapcached)
    if None in needed or now != before:
        return SwapActivity.ANY
    return (
        SwapActivity.SWAP_CACHE
        if (now.nr_swapcached or 0) * _PAGE_SIZE > SMALL_SWAP_CACHE
        else SwapActivity.NONE
    )


SchedSnapshot = tuple[int, bytes]
"""An open descriptor of schedstat, and its content before the last reading of the process."""


def have_run(unchanged: Mapping[int, SchedSnapshot]) -> list[int]:
    """Pids of the processes that have run since, or ended.

    Hot path on idle hosts: one pread and one comparison per process.
    """
    pread, found = os.pread, []
    for pid, (schedstat, before) in unchanged.items():
        try:
            if pread(schedstat, _SCHEDSTAT_SIZE, 0) != before:
                found.append(pid)
        except OSError:
            found.append(pid)
    return found


class Tracked:
    """The last reading of a process, and the check whether it is out of date."""

    __slots__ = ("_cgroups", "_last_schedstat", "_reading", "_schedstat", "_status", "process")

    def __init__(self, pid: int, proc: int, *, max_title_bytes: int, cgroups: bool, keep_open: int) -> None:
        """Read it for the first time. ``proc``: a descriptor of the proc file system. ``keep_open``: how
        many of schedstat and status, in this order, may stay open until :meth:`close`.

        Raises KernelFileError if there is no such process, or it cannot be read.
        """
        self._cgroups = cgroups
        self._schedstat: int | None = None
        self._status: int | None = None
        """These are descriptors."""
        self._last_schedstat: bytes | None = None
        """schedstat from before the last reading; ``None`` if it cannot show whether the process has run."""
        self._reading: ProcessReading
        self.process: Process
        directory = files.open_directory(str(pid), proc)
        try:
            self._keep_open(directory, keep_open)
            self._read(directory, pid, None, max_title_bytes, with_title=True)
            self._keep_open(directory, keep_open if self.process.threads == 1 else 0)
        except BaseException:
            self.close()
            raise
        finally:
            os.close(directory)

    @property
    def open_files(self) -> int:
        """How many of its files are open."""
        return (self._schedstat is not None) + (self._status is not None)

    @property
    def address_space(self) -> tuple[int, int]:
        """Its size in bytes and its resident pages: stat, fields 23 and 24."""
        return self._reading.address_space

    @property
    def denied(self) -> bool:
        """Its status was refused or malformed, so its memory is unknown."""
        return self._reading.denied

    def close(self) -> None:
        """Close the descriptors. The next :meth:`read` may open them again."""
        for descriptor in (self._schedstat, self._status):
            if descriptor is not None:
                os.close(descriptor)
        self._schedstat = self._status = self._last_schedstat = None

    @property
    def sched_snapshot(self) -> SchedSnapshot | None:
        """Shows whether it has run since; ``None`` if it must be read to know."""
        return (
            None
            if self._schedstat is None or self._last_schedstat is None
            else (self._schedstat, self._last_schedstat)
        )

    def is_current(self, proc: int, activity: SwapActivity) -> bool:
        """Whether the last reading is valid, after an update of the memory that others may have changed. If
        not, everything has to be read, which also finds the error, if any."""
        before, schedstat = self._last_schedstat, self._schedstat
        if before is None or schedstat is None:
            return False
        try:
            if not self._may_have_changed(activity):
                return os.pread(schedstat, _SCHEDSTAT_SIZE, 0) == before
            raw = (
                os.pread(self._status, _STATUS_SIZE, 0)
                if self._status is not None
                else files.read_record(f"{self.process.pid}/status", proc)
            )
            if os.pread(schedstat, _SCHEDSTAT_SIZE, 0) != before:
                return False
            if not raw.startswith(self._reading.memory):
                self._take_memory(raw)
        except (OSError, KernelFileError):
            return False
        return True

    def read(self, proc: int, *, max_title_bytes: int, keep_open: int, with_title: bool = False) -> None:
        """Read everything again; ``with_title``: title and cgroups even if nothing shows that it has run.

        Raises KernelFileError: Vanished if it has ended, also if its pid is reused.
        """
        directory = files.open_directory(str(self.process.pid), proc)
        try:
            # With an open schedstat it is only read here after it has run.
            whole = with_title or self._schedstat is not None
            self._read(directory, self.process.pid, self._reading, max_title_bytes, with_title=whole)
            self._keep_open(directory, keep_open if self.process.threads == 1 else 0)
        finally:
            os.close(directory)

    def _read(
        self,
        directory: int,
        pid: int,
        before: ProcessReading | None,
        max_title_bytes: int,
        *,
        with_title: bool,
    ) -> None:
        schedstat, self._last_schedstat = self._read_schedstat(), None
        clock = _clock(schedstat if schedstat is not None else self._schedstat_once(directory, before))
        now = reading.read(
            directory,
            pid,
            before,
            clock,
            max_title_bytes=max_title_bytes,
            cgroups=self._cgroups,
            with_title=with_title,
        )
        # The same object if nothing has changed: grouping and history skip it then.
        self.process = before.process if before is not None and now.process == before.process else now.process
        self._reading = now._replace(process=self.process)
        # A running process may continue, and some CPUs update schedstat only when it stops running.
        if now.whole and self.process.state != "R" and schedstat is not None and clock is not None:
            self._last_schedstat = schedstat

    def _keep_open(self, directory: int, allowed: int) -> None:
        """Open up to ``allowed`` files; close all if that is 0. A second file that is already open stays
        open. A file that is opened here is used from the next reading on."""
        if allowed == 0:
            self.close()
            return
        if self._schedstat is None:
            self._schedstat = _opened("schedstat", directory)
        if allowed > 1 and self._status is None and self._schedstat is not None:
            self._status = _opened("status", directory)

    def _may_have_changed(self, activity: SwapActivity) -> bool:
        if activity is SwapActivity.SWAP_CACHE:
            return self.process.swap != 0
        return activity is SwapActivity.ANY and not self.process.kernel_thread

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

    def _schedstat_once(self, directory: int, before: ProcessReading | None) -> bytes | None:
        """schedstat if the file is not kept open. Skipped for several threads."""
        if before is not None and (before.process.threads > 1 or before.process.kernel_thread):
            return None
        try:
            return files.read("schedstat", directory)
        except KernelFileError:
            return None


def _opened(file: str, directory: int) -> int | None:
    try:
        return files.open_file(file, directory)
    except KernelFileError:  # missing on some kernels; a file that cannot stay open is read each time
        return None


def _clock(raw: bytes | None) -> CpuClock | None:
    """``None`` also on kernels whose schedstat stays 0."""
    try:
        now = None if raw is None else parse_schedstat(raw)
    except MalformedFile:
        return None
    return None if now is None or now.timeslices == 0 else CpuClock(now.running_ns, now.timeslices)
