"""When SwapPss of which process is read.

Reading takes milliseconds for each 100 MB, and blocks a process that maps memory meanwhile. It is skipped if
VmSwap already is the answer: it is 0, or no other process has the same layout, so that nothing is shared.
Else the value is read, and kept until it has probably changed. Reading gets a limited share of the time.

There is no clock, no thread and no file in this module: the caller passes the time and what it read.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from swap_exporter.sampling.sample import Identity, Process
from swap_exporter.settings import Proportional

MOVED = 0.01
"""A reading is out of date when VmSwap has changed by more than this share of it, or the sum of VmSwap over
its family by this share of that sum: a neighbour that loses or reads back pages changes all shares."""
MAX_AGE = 300.0
"""A reading is out of date after so many seconds,"""
JITTER = 60.0
"""and up to so many more, so that what was read together does not expire together."""

Layout = tuple[int, int, int]
State = Literal["read", "kept", "waiting", "too_large", "denied"]
"""See the fields of :class:`Coverage`."""


class PssReading(NamedTuple):
    """Both from the same moment, in bytes."""

    swap: int
    """VmSwap."""
    swap_pss: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """The number of processes in each state. Where VmSwap already is the answer, a process has none."""

    read: int = 0
    """Read since the last sample, and up to date."""
    kept: int = 0
    """Read before the last sample, and up to date."""
    waiting: int = 0
    """To be read for the first time, or again; the old value counts until then."""
    too_large: int = 0
    denied: int = 0


@dataclass(frozen=True, slots=True)
class ProportionalSwap:
    known: Mapping[Identity, int]
    """SwapPss in bytes, of processes that have any swap: for the others it is 0."""
    coverage: Coverage


class _Family(NamedTuple):
    """The processes of one layout. All is 0 where layouts are hidden."""

    size: int
    swap: int
    """The sum of VmSwap in bytes, as far as it is known."""


class _Attempt(NamedTuple):
    """The last attempt to read a process."""

    reading: PssReading | None
    """``None`` if it was refused."""
    family: _Family
    ended: float


@dataclass(slots=True)
class _Candidate:
    """A process whose SwapPss has to be read."""

    process: Process
    family: _Family
    attempt: _Attempt | None
    is_fresh: bool = False
    """The attempt was made after the last sample."""

    @property
    def reading(self) -> PssReading | None:
        return None if self.attempt is None else self.attempt.reading

    def is_due(self, at: float) -> bool:
        if self.attempt is None or at - self.attempt.ended > MAX_AGE + JITTER * _spread(self.process.pid):
            return True
        return self._change() > MOVED

    def urgency(self) -> tuple[bool, float, float]:
        """A sort key: new ones first, as they were wanted; then the most changed; then the oldest."""
        if self.attempt is None:
            return False, 0.0, 0.0
        change = self._change()
        return True, -change if change > MOVED else 0.0, self.attempt.ended

    def _change(self) -> float:
        """By how much the process or its family has changed since it was read, as a share of what it was."""
        if self.attempt is None or self.attempt.reading is None or self.process.swap is None:
            return 0.0
        old = self.attempt.family
        return max(
            _share(self.process.swap, self.attempt.reading.swap),
            _share(self.family.swap, old.swap),
            _share(self.family.size, old.size),
        )


class SwapPssScheduler:
    """Decides which process is read next, and remembers what was read."""

    def __init__(self, settings: Proportional) -> None:
        self._settings = settings
        self._candidates: dict[Identity, _Candidate] = {}
        self._queue: list[Identity] = []
        self._last = (0.0, -math.inf)
        """Duration and end of the last attempt, in seconds."""

    def configure(self, settings: Proportional) -> None:
        """Use other settings from the next sample on."""
        self._settings = settings

    def observe(self, processes: Iterable[Process], wanted: Iterable[Process], at: float) -> ProportionalSwap:
        """Take all processes of a new sample, and those whose SwapPss is wanted, the most important first.

        Returns what is known of the wanted ones, and forgets all others.
        """
        swapped = [process for process in wanted if process.swap != 0]
        sizes, swap = _families(processes if swapped else ())
        before, self._candidates = self._candidates, {}
        known: dict[Identity, int] = {}
        states: dict[Identity, State] = {}
        for process in swapped:
            family = _Family(sizes[process.layout], swap[process.layout])
            if process.swap is not None and family.size == 1:
                known[process.identity] = process.swap
            else:
                states[process.identity] = self._take(process, family, before.get(process.identity), at)
        for identity, candidate in self._candidates.items():
            if candidate.reading is not None:
                known[identity] = candidate.reading.swap_pss
        self._queue = sorted(
            (identity for identity, state in states.items() if state == "waiting"),
            key=lambda identity: self._candidates[identity].urgency(),
        )
        return ProportionalSwap(known, Coverage(**Counter[str](states.values())))

    def next(self) -> tuple[Process, float] | None:
        """The process to read next, and the time from which on it may be read; ``None`` if none is due."""
        share = self._settings.share_of_time
        if not self._queue or share <= 0:
            return None
        took, ended = self._last
        return self._candidates[self._queue[0]].process, ended + took / share

    def attempted(
        self,
        process: Process,
        reading: PssReading | None,
        began: float,
        ended: float,
        *,
        again: bool = False,
    ) -> None:
        """Take the result of an attempt: ``None`` if it was refused. ``again``: the refusal says nothing
        about the process, so it is due again at the next sample."""
        self._last = (ended - began, ended)
        candidate = self._candidates.get(process.identity)
        if process.identity in self._queue:
            self._queue.remove(process.identity)
        if candidate is None or (reading is None and again):
            return
        candidate.attempt = _Attempt(reading, candidate.family, ended)
        candidate.is_fresh = True

    def _take(self, process: Process, family: _Family, before: _Candidate | None, at: float) -> State:
        """Make a process a candidate if it can be read."""
        if process.swap is None:
            return "denied"
        if self._is_too_large(process):
            return "too_large"
        candidate = _Candidate(process, family, None if before is None else before.attempt)
        self._candidates[process.identity] = candidate
        if before is None or candidate.is_due(at):
            return "waiting"
        if candidate.reading is None:
            return "denied"
        return "read" if before.is_fresh else "kept"

    def _is_too_large(self, process: Process) -> bool:
        largest = self._settings.max_process_bytes
        return largest is not None and (process.resident or 0) + (process.swap or 0) > largest


def _families(processes: Iterable[Process]) -> tuple[Counter[Layout | None], Counter[Layout | None]]:
    """Number and VmSwap of the processes by layout, where it is not hidden."""
    sizes: Counter[Layout | None] = Counter()
    swap: Counter[Layout | None] = Counter()
    for process in processes:
        if process.layout is not None:
            sizes[process.layout] += 1
            swap[process.layout] += process.swap or 0
    return sizes, swap


def _share(now: int, then: int) -> float:
    return abs(now - then) / max(then, 1)


def _spread(pid: int) -> float:
    """From 0 to 1, far apart for neighbours: the fractional part of multiples of the golden ratio."""
    return pid * 0.6180339887498949 % 1.0
