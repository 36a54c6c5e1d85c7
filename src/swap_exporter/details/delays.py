"""What processes waited for, if delay accounting measures them: else the kernel's counts mean nothing."""

import math
import os
from collections.abc import Iterable, Mapping

from swap_exporter.kernel import delay_accounting, pid_namespace
from swap_exporter.kernel.delay_accounting import DelayAccounting
from swap_exporter.kernel.errors import Denied, KernelFileError, Unavailable, Vanished
from swap_exporter.kernel.taskstats import TaskDelays, TaskStats
from swap_exporter.sampling.sample import Identity, Process, Sample

_ENDED = TaskDelays(0, 0, 0, measured=True)
"""A measured process that has ended since the sample. If it were left out, its group would have no counters
in each sample in which a process ends."""


class DelayReader:
    """Reads taskstats, and remembers since when accounting is on."""

    def __init__(self, procfs: str) -> None:
        self._procfs = procfs
        self._taskstats: TaskStats | None = None
        self._seen_on: float | None = None
        self._proven: int | None = None
        self._asked: set[Identity] = set()

    def read(self, sample: Sample, processes: Iterable[Process]) -> Mapping[Identity, TaskDelays]:
        """The delays of measured processes. If nothing is measured it raises KernelFileError, which says what
        to do."""
        alive = {process.pid: process for process in processes if not process.ended}
        accounting = self._accounting(sample)
        try:
            taskstats = self._open()
            self._prove(taskstats, alive)
            # Without a grouped process, read the exporter's own: this shows whether it has the privilege.
            found = taskstats.read(alive or (os.getpid(),))
        except Denied:
            self._close()
            raise Unavailable("taskstats: permission denied, it takes CAP_NET_ADMIN") from None
        except KernelFileError:
            self._close()
            raise
        since = measured_since(accounting, self._seen_on, self._proven, sample.clock_ticks)
        return {
            process.identity: found.get(pid, _ENDED)
            for pid, process in alive.items()
            if since is not None and process.start_ticks >= since
        }

    def _accounting(self, sample: Sample) -> DelayAccounting:
        accounting = delay_accounting.read(self._procfs)
        if accounting.on is False:
            self._seen_on, self._proven = None, None
            self._asked.clear()
            raise Unavailable(
                "delay accounting is off: sysctl kernel.task_delayacct=1 measures what starts from then on"
            )
        if self._seen_on is None:
            self._seen_on = sample.at.boottime
        return accounting

    def _open(self) -> TaskStats:
        if self._taskstats is None:
            # taskstats uses the pids of the namespace of the process that asks.
            if not pid_namespace.is_own(self._procfs):
                raise Unavailable(
                    f"{self._procfs} is of another pid namespace: taskstats does not know its pids; run the "
                    "exporter in it (--pid=host, hostPID: true)"
                )
            try:
                self._taskstats = TaskStats()
            except Vanished:
                raise Unavailable("the kernel has no taskstats: it takes CONFIG_TASKSTATS") from None
        return self._taskstats

    def _close(self) -> None:
        if self._taskstats is not None:
            self._taskstats.close()
            self._taskstats = None

    def _prove(self, taskstats: TaskStats, alive: Mapping[int, Process]) -> None:
        """Find the oldest process whose first thread has counts: accounting was on when it started."""
        new = {pid: process for pid, process in alive.items() if process.identity not in self._asked}
        for pid, delays in taskstats.leaders(new).items():
            start = new[pid].start_ticks
            if delays.measured and (self._proven is None or start < self._proven):
                self._proven = start
        self._asked = {process.identity for process in alive.values()}


def measured_since(
    accounting: DelayAccounting, seen_on: float | None, proven: int | None, clock_ticks: int
) -> int | None:
    """The start time, in clock ticks after boot, from which on processes are measured; ``None`` if none is.

    ``seen_on``: seconds after boot (CLOCK_BOOTTIME) when the sysctl was first seen on, and not off since.
    ``proven``: the earliest start time of a process whose first thread has counts, so that accounting was on
    when it started (:meth:`~swap_exporter.kernel.taskstats.TaskStats.leaders`).

    If accounting was off for a while between two samples, nothing shows it: a process that started meanwhile
    is treated as measured, and counts 0.
    """
    if accounting.on is False:
        return None
    if accounting.on and accounting.at_boot:
        return 0
    known = [] if proven is None else [proven]
    if accounting.on and seen_on is not None:
        known.append(math.ceil(seen_on * clock_ticks))
    return min(known, default=None)
