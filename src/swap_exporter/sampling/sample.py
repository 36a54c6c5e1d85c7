"""The result of one pass over /proc and the host, with its time.

Everything here is immutable. What could not be read is ``None``, never 0.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from swap_exporter.sampling.host import Host

Identity = tuple[int, int]
"""(pid, start time in clock ticks after boot): a pid alone is no identity, because it is reused."""


class Instant(NamedTuple):
    """One moment on the three clocks that verdicts need, in seconds."""

    monotonic: float
    """CLOCK_MONOTONIC: for durations; stops while the machine is suspended."""
    boottime: float
    """CLOCK_BOOTTIME: the clock of process start times; continues in suspend."""
    wall: float
    """CLOCK_REALTIME: for timestamps that people see; may step."""


class CpuClock(NamedTuple):
    """The scheduler's counters for a process: /proc/PID/schedstat, summed over its threads.

    CPU time in stat moves in steps of a clock tick, 10 ms, and a request often takes less.
    """

    running_ns: int
    timeslices: int
    """How often a thread was given a CPU: close to how often one woke up."""


class _Fields(NamedTuple):
    pid: int
    start_ticks: int
    """Start in clock ticks after boot: stat, field 22."""
    parent_pid: int
    comm: str
    """Up to 15 characters, stat's field 2 without the parentheses; bytes that are not UTF-8 become U+FFFD."""
    state: str
    """One letter: stat, field 3."""
    threads: int
    """Live threads: stat, field 20."""
    kernel_thread: bool
    cpu_ticks: int
    """utime + stime of all threads, ended ones included: stat, fields 14 and 15, in clock ticks."""
    user_ticks: int
    """utime alone: stat, field 14."""
    children_cpu_ticks: int
    """cutime + cstime: what its waited-for children used: stat, fields 16 and 17."""
    major_faults: int
    """majflt of all threads: stat, field 12. File pages count too."""
    clock: CpuClock | None
    """Its exact CPU time. ``None`` for several threads, and if the kernel does not count it."""
    voluntary_switches: int | None
    """How often the main thread waited for something: status."""
    layout: tuple[int, int, int] | None
    """(startcode, startstack, start_brk), stat's fields 26, 28 and 47: equal in parent and child until one of
    them execs. ``None`` if the kernel hides them (they read 1 or 0 without CAP_SYS_PTRACE)."""
    argv: tuple[str, ...]
    """/proc/PID/cmdline split at NUL, trailing NULs stripped; a zombie keeps the last one seen. Empty for
    kernel threads, and if it could not be read."""
    swap: int | None
    """VmSwap in bytes. 0 without an address space (kernel thread, zombie)."""
    resident: int | None
    """VmRSS in bytes. This and RssAnon may be ten minutes old if the process sleeps and the host does not
    swap: see tracked.py."""
    resident_anonymous: int | None
    """RssAnon in bytes."""
    effective_uid: int | None
    cgroups: tuple[str, ...] | None
    """The paths of /proc/PID/cgroup in the file's order; ``None`` where unreadable or not asked for."""
    caught_signals: int = 0
    """Bit N-1 is set if it has a handler for signal N, up to 31: stat, field 34."""


class Process(_Fields):
    """One thread group, from /proc/PID.

    An unchanged process is the same object in the next sample, so results derived from it can be reused.
    """

    @cached_property
    def identity(self) -> Identity:
        """Cached, because it is used very often."""
        return (self.pid, self.start_ticks)

    @property
    def ended(self) -> bool:
        """A zombie or dead: its counters are final, its memory is released, it serves no requests."""
        return self.state in "ZX" and self.threads <= 1

    @property
    def title(self) -> str:
        """argv joined with single spaces: what regular expressions are matched against."""
        return " ".join(self.argv)


class CollectorRun(NamedTuple):
    """How reading one source went in a sample."""

    name: str
    success: bool | None
    """``None`` if the source needs another kernel or more privileges."""
    seconds: float
    problem: str | None = None
    """Why there is no value: one line for people."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One consistent reading of all processes and of the host."""

    at: Instant
    """Taken when the pass began."""
    processes: Mapping[int, Process]
    """By pid, in ascending order."""
    vanished: int
    """Processes that ended while they were read."""
    denied: int
    """Processes whose stat or status was refused or malformed: without stat they are not in ``processes``,
    without status their memory is ``None``."""
    host: Host
    collectors: tuple[CollectorRun, ...]
    complete: bool = True
    """Every process is in it. If the pass broke off, a missing process may still be alive."""
    hides_processes: bool = False
    """Some processes are invisible to the exporter (hidepid, ProtectProc)."""
    exporter_uid: int = os.geteuid()
    """Effective uid of the exporter."""
    page_size: int = os.sysconf("SC_PAGE_SIZE")
    """Bytes in a page: the unit of ``host.vmstat``."""
    clock_ticks: int = os.sysconf("SC_CLK_TCK")
    """Clock ticks in a second: the unit of the processes' CPU and start times."""
