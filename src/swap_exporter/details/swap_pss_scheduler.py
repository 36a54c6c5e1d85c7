"""Whose SwapPss is read when: it takes milliseconds for each 100 MB, and stalls who maps memory meanwhile.

It is not read of a process whose VmSwap says it all: that is 0, or the process shares with nobody, since no
other has its layout. Else it is read and kept until it is likely to have changed, within a share of the
time. No clock, no thread, no file: the time and what was read are handed in.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from swap_exporter.sampling.sample import Identity, Process
from swap_exporter.settings import Proportional

MOVED = 0.01
"""A reading is out of date when VmSwap has moved by more than this share of it, or the sum of VmSwap
over its layout by this share of that sum: a neighbour that loses or reads back pages changes all shares."""
MAX_AGE = 300.0
"""... or when it is older than so many seconds,"""
JITTER = 60.0
"""and up to so many more, so that what was read together does not grow old together."""


Layout = tuple[int, int, int]


class PssReading(NamedTuple):
    """Both from the same moment, in bytes."""

    swap: int
    """VmSwap."""
    swap_pss: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many processes have their SwapPss in which way; those whose VmSwap says it all are in none."""

    read: int
    """Since the last sample, and up to date."""
    kept: int
    """Read before that, and up to date."""
    waiting: int
    """To be read, or to be read again: the old value counts until then."""
    too_large: int
    denied: int


@dataclass(frozen=True, slots=True)
class ProportionalSwap:
    known: Mapping[Identity, int]
    """SwapPss in bytes, of processes that have any swap: of the others it is 0."""
    coverage: Coverage


class _Kept(NamedTuple):
    """The last attempt at a process."""

    reading: PssReading | None
    """``None`` if it was refused."""
    sharers: int
    family_swap: int
    at: float


class _Wanted(NamedTuple):
    process: Process
    sharers: int
    """Processes of the same layout, itself included; 0 where layouts are hidden."""
    family_swap: int
    """The sum of their VmSwap in bytes, as far as it is known; 0 where layouts are hidden."""


class SwapPssScheduler:
    """Which process to read next, and what is known so far."""

    def __init__(self, settings: Proportional) -> None:
        self._settings = settings
        self._kept: dict[Identity, _Kept] = {}
        self._wanted: dict[Identity, _Wanted] = {}
        self._queue: list[Identity] = []
        self._fresh: set[Identity] = set()
        self._last = (0.0, -math.inf)

    def configure(self, settings: Proportional) -> None:
        """Go on under other settings, from the next sample on."""
        self._settings = settings

    def observe(self, processes: Iterable[Process], wanted: Iterable[Process], at: float) -> ProportionalSwap:
        """A new sample: all its processes, and those whose SwapPss is wanted, the first first.

        Returns what is known of those; forgets all others.
        """
        known: dict[Identity, int] = {}
        swapped = [process for process in wanted if process.swap != 0]
        family: Counter[Layout] = Counter()
        family_swap: Counter[Layout] = Counter()
        for process in processes if swapped else ():
            if process.layout is not None:
                family[process.layout] += 1
                family_swap[process.layout] += process.swap or 0
        refused: set[Identity] = set()
        too_large = 0
        self._wanted = {}
        for process in swapped:
            sharers = family[process.layout] if process.layout is not None else 0
            if process.swap is None:
                refused.add(process.identity)
            elif sharers == 1:
                known[process.identity] = process.swap
            elif self._too_large(process):
                too_large += 1
            else:
                total = family_swap[process.layout] if process.layout is not None else 0
                self._wanted[process.identity] = _Wanted(process, sharers, total)
        self._kept = {identity: kept for identity, kept in self._kept.items() if identity in self._wanted}
        due = {identity for identity in self._wanted if self._is_due(identity, at)}
        for identity, kept in self._kept.items():
            if kept.reading is not None:
                known[identity] = kept.reading.swap_pss
            elif identity not in due:
                refused.add(identity)
        current = self._kept.keys() - due - refused
        coverage = Coverage(
            read=len(current & self._fresh),
            kept=len(current - self._fresh),
            waiting=len(due),
            too_large=too_large,
            denied=len(refused),
        )
        self._queue = sorted((identity for identity in self._wanted if identity in due), key=self._urgency)
        self._fresh = set()
        return ProportionalSwap(known, coverage)

    def next(self) -> tuple[Process, float] | None:
        """The process to read next and the time from which on it may be read; ``None`` if none is due."""
        share = self._settings.share_of_time
        if not self._queue or share <= 0:
            return None
        took, ended = self._last
        return self._wanted[self._queue[0]].process, ended + took / share

    def attempted(
        self,
        process: Process,
        reading: PssReading | None,
        began: float,
        ended: float,
        *,
        again: bool = False,
    ) -> None:
        """What came of reading: ``None`` if it was refused; ``again`` if that said nothing of the process, so
        that it is due again at the next sample."""
        self._last = (ended - began, ended)
        wanted = self._wanted.get(process.identity)
        if process.identity in self._queue:
            self._queue.remove(process.identity)
        if wanted is None or (reading is None and again):
            return
        self._kept[process.identity] = _Kept(reading, wanted.sharers, wanted.family_swap, ended)
        self._fresh.add(process.identity)

    def _too_large(self, process: Process) -> bool:
        largest = self._settings.max_process_bytes
        return largest is not None and (process.resident or 0) + (process.swap or 0) > largest

    def _is_due(self, identity: Identity, at: float) -> bool:
        kept = self._kept.get(identity)
        if kept is None or at - kept.at > MAX_AGE + JITTER * _spread(identity[0]):
            return True
        return kept.reading is not None and self._change(identity) > MOVED

    def _change(self, identity: Identity) -> float:
        """By how much a process or its family has changed since it was read, as a share of what it was."""
        kept, (process, sharers, family_swap) = self._kept[identity], self._wanted[identity]
        if kept.reading is None or process.swap is None:
            return 0.0
        moved = abs(process.swap - kept.reading.swap) / max(kept.reading.swap, 1)
        beside = abs(family_swap - kept.family_swap) / max(kept.family_swap, 1)
        return max(moved, beside, abs(sharers - kept.sharers) / max(kept.sharers, 1))

    def _urgency(self, identity: Identity) -> tuple[bool, float, float]:
        """New ones first, in the order that they are wanted in; then the most changed; then the oldest."""
        kept = self._kept.get(identity)
        if kept is None:
            return False, 0.0, 0.0
        change = self._change(identity)
        return True, -change if change > MOVED else 0.0, kept.at


def _spread(pid: int) -> float:
    """From 0 to 1, far apart for neighbours (the golden ratio's fractions)."""
    return pid * 0.6180339887498949 % 1.0
