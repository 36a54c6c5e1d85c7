"""All processes from one pass over /proc to the next.

The directory is listed only if something was forked since: the kernel counts that, and reading the count
costs less. A read of a process that has ended meanwhile fails.
"""

import math
import os
from bisect import bisect_right
from dataclasses import dataclass, field

from swap_exporter.kernel import cmdline, files, system_stat
from swap_exporter.kernel.errors import Exhausted, KernelFileError, Vanished
from swap_exporter.sampling.sample import Process
from swap_exporter.sampling.tracked import SchedSnapshot, SwapActivity, Tracked, have_run

TITLES_LIMIT = 4 << 20
"""Characters of all stored titles; beyond that each is cut at SHORT_TITLE bytes when it is read. Any user can
choose long titles, and each is decoded, searched and stored: a thousand of the longest took a quarter of a
gigabyte, and longer than a scraper waits."""
SHORT_TITLE = 1 << 10

PAIRS_UP_TO = 4096
"""Number of open files up to which each process may have two, which makes it cheaper to read while the host
swaps. Beyond that, one file for each process saves more than two for some."""

LIST_EVERY = 60.0
"""Seconds."""

FULL_REFRESH_SECONDS = 600.0
"""Each process is read once in this time, even if nothing shows a change."""


@dataclass(slots=True)
class Pass:
    """The result of one pass."""

    processes: dict[int, Process] = field(default_factory=dict)
    """By pid, in ascending order; empty if the pass broke off."""
    vanished: int = 0
    denied: set[int] = field(default_factory=set)
    """Pids of processes whose directory, stat or status was refused or malformed."""
    problem: str | None = None
    """Why the pass broke off, in one line."""


class ProcessTable:
    """The current state of all processes; reads only what may have changed."""

    def __init__(self, procfs: str, *, cgroups: bool, max_open_files: int) -> None:
        """``max_open_files``: how many files of processes may stay open between two passes."""
        self._procfs = procfs
        self._cgroups = cgroups
        self._max_open_files = max_open_files
        self._tracked: dict[int, Tracked] = {}
        self._unchanged: dict[int, SchedSnapshot] = {}
        """By pid, for processes that need no read until their schedstat changes."""
        self._processes: dict[int, Process] = {}
        """The last reading by pid; in ascending order once a pass is over."""
        self._pids: list[int] = []
        self._forks: int | None = None
        """The kernel's count of forks, read before the processes were listed."""
        self._open_files = 0
        self._titles = 0
        self._listed = True
        """Whether this pass listed the processes."""
        self._listed_at = -math.inf
        self._newcomers: list[int] = []
        """Pids first seen since the last pass that did not break off."""
        self._exited: set[int] = set()
        """Pids of processes that ended or became zombies, and whose children were not read since."""
        self._at: float | None = None
        self._refresh_debt = 0.0
        self._last_refreshed = 0

    def read(self, at: float, activity: SwapActivity) -> Pass:
        """``at``: seconds of a monotonic clock. ``activity``: since the last pass that did not break off."""
        try:
            return self._pass(at, activity)
        except Exhausted as error:
            problem = error
        if self._open_files:
            # The open files may use up the descriptors: with half as many there is room.
            self._max_open_files = self._open_files // 2
            for tracked in self._tracked.values():
                tracked.close()
            self._unchanged.clear()
            self._open_files = 0
            try:
                return self._pass(at, activity)
            except Exhausted as error:
                problem = error
        return Pass(problem=str(problem))

    def close(self) -> None:
        """Close all descriptors."""
        for pid in list(self._tracked):
            self._forget(pid)

    def _pass(self, at: float, activity: SwapActivity) -> Pass:
        """Raises Exhausted. What was read so far stays valid and goes into the next pass."""
        result = Pass()
        try:
            proc = files.open_directory(self._procfs)
            try:
                self._list(proc, at)
                self._read_changed(proc, result, activity)
                self._refresh_some(proc, result, at)
                self._read_orphans(proc, result)
                self._leave_out_vfork_children(proc, result)
                result.processes = self._in_order()
            finally:
                os.close(proc)
        except Exhausted:
            self._forks = None
            raise
        except KernelFileError as error:
            self._forks = None
            result.problem = str(error)
        return result

    def _list(self, proc: int, at: float) -> None:
        """List the processes if something was forked, a process vanished, or a minute has passed: a hidden
        process can become visible without a fork."""
        try:
            forks = system_stat.parse_forks(files.read("stat", proc))
        except Exhausted:
            raise
        except KernelFileError:
            forks = None
        self._listed = not forks or forks != self._forks or at - self._listed_at >= LIST_EVERY
        if self._listed:
            pids = files.list_numbers(".", proc)
            self._listed_at = at
            if pids != self._pids:
                self._pids = pids
                for pid in self._tracked.keys() - pids:
                    self._forget(pid)
        # A kernel that does not count says 0.
        self._forks = forks or None

    def _read_changed(self, proc: int, result: Pass, activity: SwapActivity) -> None:
        unknown = [pid for pid in self._pids if pid not in self._unchanged]
        changed = (
            have_run(self._unchanged)
            if activity is SwapActivity.NONE
            else self._refresh_memory(proc, activity)
        )
        for pid in sorted(unknown + changed):
            self._read(pid, proc, result)

    def _refresh_memory(self, proc: int, activity: SwapActivity) -> list[int]:
        """Update the memory of processes that have not run; return the pids that need a full read."""
        changed = []
        for pid in self._unchanged:
            tracked = self._tracked[pid]
            if tracked.is_current(proc, activity):
                self._processes[pid] = tracked.process
            else:
                changed.append(pid)
        return changed

    def _refresh_some(self, proc: int, result: Pass, at: float) -> None:
        """Read a few more, so that each process is read once in FULL_REFRESH_SECONDS."""
        if self._at is not None:
            self._refresh_debt = min(1.0, self._refresh_debt + (at - self._at) / FULL_REFRESH_SECONDS)
        self._at = at
        number = int(self._refresh_debt * len(self._processes))
        if number == 0:
            return
        pids = sorted(self._processes)
        self._refresh_debt -= number / len(pids)
        first = bisect_right(pids, self._last_refreshed)
        due = (pids[first:] + pids[:first])[:number]
        self._last_refreshed = due[-1]
        for pid in due:
            self._read(pid, proc, result, with_title=True)

    def _read_orphans(self, proc: int, result: Pass) -> None:
        """Read the processes whose parent has ended: they have a new parent without having run."""
        while self._exited:
            exited = frozenset(self._exited)
            for pid in [pid for pid, process in self._processes.items() if process.parent_pid in exited]:
                self._read(pid, proc, result)
            self._exited -= exited

    def _read(self, pid: int, proc: int, result: Pass, *, with_title: bool = False) -> None:
        """Read one process in full, or count it in the result as vanished or denied. Raises Exhausted."""
        try:
            tracked = self._reread(pid, proc, with_title) or self._track_new(pid, proc)
            self._processes[pid] = tracked.process
            if tracked.sched_snapshot is not None:
                self._unchanged[pid] = tracked.sched_snapshot
            else:
                self._unchanged.pop(pid, None)
            if tracked.denied:
                result.denied.add(pid)
        except Vanished:
            self._forks = None
            self._exited.add(pid)
            result.vanished += self._listed
        except Exhausted:
            raise
        except KernelFileError:
            self._forget(pid)
            result.denied.add(pid)

    def _reread(self, pid: int, proc: int, with_title: bool) -> Tracked | None:
        """``None`` for a new process, and for one that has ended: its pid may be reused by now."""
        tracked = self._tracked.get(pid)
        if tracked is None:
            return None
        had_ended, size, open_before = tracked.process.ended, _size(tracked), tracked.open_files
        try:
            tracked.read(
                proc,
                max_title_bytes=self._max_title_bytes(size),
                keep_open=self._allowed(open_before),
                with_title=with_title,
            )
        except Vanished:
            self._forget(pid)
            return None
        self._titles += _size(tracked) - size
        self._open_files += tracked.open_files - open_before
        if tracked.process.ended and not had_ended:
            self._exited.add(pid)
        return tracked

    def _track_new(self, pid: int, proc: int) -> Tracked:
        tracked = Tracked(
            pid,
            proc,
            max_title_bytes=self._max_title_bytes(0),
            cgroups=self._cgroups,
            keep_open=self._allowed(0),
        )
        self._tracked[pid] = tracked
        self._open_files += tracked.open_files
        self._titles += _size(tracked)
        self._newcomers.append(pid)
        if tracked.process.ended:
            self._exited.add(pid)
        return tracked

    def _forget(self, pid: int) -> None:
        tracked = self._tracked.pop(pid, None)
        if tracked is not None:
            self._processes.pop(pid, None)
            self._unchanged.pop(pid, None)
            self._open_files -= tracked.open_files
            self._titles -= _size(tracked)
            self._exited.add(pid)
            tracked.close()

    def _max_title_bytes(self, size: int) -> int:
        """``size``: characters of the process's title so far."""
        return cmdline.LIMIT if self._titles - size < TITLES_LIMIT else SHORT_TITLE

    def _allowed(self, open_files: int) -> int:
        """How many files of a process may stay open; ``open_files`` of them are open so far."""
        others = self._open_files - open_files
        return (others < self._max_open_files) + (others < min(PAIRS_UP_TO, self._max_open_files // 2))

    def _leave_out_vfork_children(self, proc: int, result: Pass) -> None:
        """Until it execs, a vfork child runs in its parent's memory, which would count twice. The parent
        waits in state D meanwhile, so nothing shows that its numbers have changed: it is read again, and they
        equal the child's. A forked child differs: it starts without most of its parent's file pages."""
        processes = self._processes
        for pid in self._newcomers:
            child = processes.get(pid)
            parent = processes.get(child.parent_pid) if child is not None else None
            if child is None or parent is None or not child.resident:
                continue
            if parent.state != "D" or parent.kernel_thread:
                continue
            self._read(parent.pid, proc, result)
            parent = processes.get(parent.pid)
            if parent is None:
                continue
            mine, its = self._tracked[pid].address_space, self._tracked[parent.pid].address_space
            if (mine, child.layout, child.swap) == (its, parent.layout, parent.swap):
                self._forget(pid)

    def _in_order(self) -> dict[int, Process]:
        if self._newcomers:
            self._processes = dict(sorted(self._processes.items()))
            self._newcomers.clear()
        return self._processes.copy()


def _size(tracked: Tracked) -> int:
    return sum(map(len, tracked.process.argv))
