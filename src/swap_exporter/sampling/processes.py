"""All processes from one pass over /proc to the next.

The directory is listed only if something was forked since: the kernel counts that, and reading the count
costs less. Who has ended meanwhile is found out when it is read.
"""

import math
import os
from bisect import bisect_right
from dataclasses import dataclass, field

from swap_exporter.kernel import cmdline, files, system_stat
from swap_exporter.kernel.errors import Exhausted, KernelFileError, Vanished
from swap_exporter.sampling.sample import Process
from swap_exporter.sampling.tracked import Evidence, Moved, Tracked, ran

TITLES_LIMIT = 4 << 20
"""Characters of all titles that are remembered; beyond that each is cut at SHORT_TITLE bytes when it is read.
Who starts processes chooses their titles, and each is decoded, searched and kept: a thousand of the longest
took a quarter of a gigabyte, and longer than a scraper waits."""
SHORT_TITLE = 1 << 10

PAIRS_UP_TO = 4096
"""Open files: up to here two of a process, which makes it cheaper to read while the host swaps. Beyond, one
of each process is worth more than two of some."""

LIST_EVERY = 60.0
"""Seconds."""

TURN = 600.0
"""Seconds in which each process is read once although nothing says that it has changed."""


@dataclass(slots=True)
class Pass:
    """What one pass gave."""

    processes: dict[int, Process] = field(default_factory=dict)
    """By pid, in ascending order; none where it broke off."""
    vanished: int = 0
    denied: set[int] = field(default_factory=set)
    """Pids of those that were refused or made no sense, in whole or their status."""
    problem: str | None = None
    """Why it broke off, in one line."""


class ProcessTable:
    """Reads of each process what it takes to know it as it is now."""

    def __init__(self, procfs: str, *, cgroups: bool, most_held: int) -> None:
        """``most_held``: so many of their files stay open from one pass to the next."""
        self._procfs = procfs
        self._cgroups = cgroups
        self._most_held = most_held
        self._tracked: dict[int, Tracked] = {}
        self._asleep: dict[int, Evidence] = {}
        """What tells of these that they have not run since they were read."""
        self._processes: dict[int, Process] = {}
        """As they were read last; in ascending order once a pass is over."""
        self._pids: list[int] = []
        self._forks: int | None = None
        """As many as there had been before the processes were listed."""
        self._held = 0
        self._titles = 0
        self._listing = True
        """Whether they were listed in this pass."""
        self._listed_at = -math.inf
        self._newcomers: list[int] = []
        """Pids of those who were met since the last pass that did not break off."""
        self._gone: set[int] = set()
        """Pids of those who ended, or were found to be zombies, and whose children were not read since."""
        self._at: float | None = None
        self._owed = 0.0
        self._last_turn = 0

    def read(self, at: float, moved: Moved) -> Pass:
        """``at``: seconds of a monotonic clock, by which everybody's turn comes. ``moved``: since the last
        pass that did not break off."""
        try:
            return self._pass(at, moved)
        except Exhausted as error:
            problem = error
        if self._held:
            # What is held open may be what others lack: with half of it there is room.
            self._most_held = self._held // 2
            for tracked in self._tracked.values():
                tracked.close()
            self._asleep.clear()
            self._held = 0
            try:
                return self._pass(at, moved)
            except Exhausted as error:
                problem = error
        return Pass(problem=str(problem))

    def close(self) -> None:
        """Give all descriptors back."""
        for pid in list(self._tracked):
            self._forget(pid)

    def _pass(self, at: float, moved: Moved) -> Pass:
        """Raises Exhausted. What is remembered then is true all the same, and goes into the next pass."""
        result = Pass()
        try:
            proc = files.open_directory(self._procfs)
            try:
                self._list(proc, at)
                self._read_changed(proc, result, moved)
                self._read_in_turn(proc, result, at)
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
        """Find out who is there. Whoever vanishes has it listed again the next time, and so has a minute: who
        was hidden can come to light without a fork."""
        try:
            forks = system_stat.parse_forks(files.read("stat", proc))
        except Exhausted:
            raise
        except KernelFileError:
            forks = None
        self._listing = not forks or forks != self._forks or at - self._listed_at >= LIST_EVERY
        if self._listing:
            pids = files.list_numbers(".", proc)
            self._listed_at = at
            if pids != self._pids:
                self._pids = pids
                for pid in self._tracked.keys() - pids:
                    self._forget(pid)
        # A kernel that does not count says 0.
        self._forks = forks or None

    def _read_changed(self, proc: int, result: Pass, moved: Moved) -> None:
        awake = [pid for pid in self._pids if pid not in self._asleep]
        changed = ran(self._asleep) if moved is Moved.NOTHING else self._ran_or_moved(proc, moved)
        for pid in sorted(awake + changed):
            self._read(pid, proc, result)

    def _ran_or_moved(self, proc: int, moved: Moved) -> list[int]:
        """Bring the memory of those who sleep up to date; those of whom all has to be read are left."""
        left = []
        for pid in self._asleep:
            tracked = self._tracked[pid]
            if tracked.is_current(proc, moved):
                self._processes[pid] = tracked.process
            else:
                left.append(pid)
        return left

    def _read_in_turn(self, proc: int, result: Pass, at: float) -> None:
        """Some more, so that it is everybody's turn once in TURN."""
        if self._at is not None:
            self._owed = min(1.0, self._owed + (at - self._at) / TURN)
        self._at = at
        number = int(self._owed * len(self._processes))
        if number == 0:
            return
        pids = sorted(self._processes)
        self._owed -= number / len(pids)
        first = bisect_right(pids, self._last_turn)
        turn = (pids[first:] + pids[:first])[:number]
        self._last_turn = turn[-1]
        for pid in turn:
            self._read(pid, proc, result, with_title=True)

    def _read_orphans(self, proc: int, result: Pass) -> None:
        """Those whose parent has ended: they have another one now, and did nothing for it."""
        while self._gone:
            gone = frozenset(self._gone)
            for pid in [pid for pid, process in self._processes.items() if process.parent_pid in gone]:
                self._read(pid, proc, result)
            self._gone -= gone

    def _read(self, pid: int, proc: int, result: Pass, *, with_title: bool = False) -> None:
        """Read all of one process; who vanishes or is refused is counted in the result. Raises Exhausted."""
        try:
            tracked = self._again(pid, proc, with_title) or self._meet(pid, proc)
            self._processes[pid] = tracked.process
            if tracked.evidence is not None:
                self._asleep[pid] = tracked.evidence
            else:
                self._asleep.pop(pid, None)
            if tracked.denied:
                result.denied.add(pid)
        except Vanished:
            self._forks = None
            self._gone.add(pid)
            result.vanished += self._listing
        except Exhausted:
            raise
        except KernelFileError:
            self._forget(pid)
            result.denied.add(pid)

    def _again(self, pid: int, proc: int, with_title: bool) -> Tracked | None:
        """``None`` for one that is not known, or has ended: its pid may be somebody else's by now."""
        tracked = self._tracked.get(pid)
        if tracked is None:
            return None
        had_ended, size, held = tracked.process.ended, _size(tracked), tracked.held
        try:
            tracked.read(proc, limit=self._limit(size), hold=self._allowed(held), with_title=with_title)
        except Vanished:
            self._forget(pid)
            return None
        self._titles += _size(tracked) - size
        self._held += tracked.held - held
        if tracked.process.ended and not had_ended:
            self._gone.add(pid)
        return tracked

    def _meet(self, pid: int, proc: int) -> Tracked:
        tracked = Tracked(pid, proc, limit=self._limit(0), cgroups=self._cgroups, hold=self._allowed(0))
        self._tracked[pid] = tracked
        self._held += tracked.held
        self._titles += _size(tracked)
        self._newcomers.append(pid)
        if tracked.process.ended:
            self._gone.add(pid)
        return tracked

    def _forget(self, pid: int) -> None:
        tracked = self._tracked.pop(pid, None)
        if tracked is not None:
            self._processes.pop(pid, None)
            self._asleep.pop(pid, None)
            self._held -= tracked.held
            self._titles -= _size(tracked)
            self._gone.add(pid)
            tracked.close()

    def _limit(self, size: int) -> int:
        """The most bytes of a title, where that of the process had ``size`` characters so far."""
        return cmdline.LIMIT if self._titles - size < TITLES_LIMIT else SHORT_TITLE

    def _allowed(self, held: int) -> int:
        """How many files of a process may stay open, where ``held`` of them are so far."""
        others = self._held - held
        return (others < self._most_held) + (others < min(PAIRS_UP_TO, self._most_held // 2))

    def _leave_out_vfork_children(self, proc: int, result: Pass) -> None:
        """Until it execs such a child runs in its parent's memory, which would count twice. The parent waits
        in state D meanwhile, so that nothing tells that its numbers have changed: it is read again, and they
        equal the child's. A forked child's do not: it starts without most of its parent's file pages."""
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
