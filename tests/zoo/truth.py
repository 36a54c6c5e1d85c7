"""Which workers must be counted as idle in swap at a given time, and which must not, from a recording alone.

Terms: a worker is *active* when it answers a request. A health check is no activity: at most one request in
:data:`MINUTE`, under 10 ms of CPU time, that reads back under a tenth of what is displaced. What is
*displaced* is VmSwap less VmSwap at the last activity; a worker that has not served yet misses all.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median
from typing import NamedTuple

from tests.zoo.recording import Answered, Reading, Recording

MIB = 1 << 20
MINUTE = 50.0
"""Seconds; less than 60, for requests do not come to the second."""
SMALL_MS = 10.0
BURST = 0.5
"""Seconds."""
READ_AHEAD = 8 * 4096
"""Bytes that one major fault brings back at most."""
MARGIN = 1.1
"""Cases within this factor of a threshold are not judged."""
ORDINARY_RATE = 2.0
"""Milliseconds of CPU time a second that every load is seen by, idle workers that wake often included."""


class Duty(StrEnum):
    COUNT = "must be counted"
    LEAVE = "must not be counted"
    OPEN = "may be counted"


@dataclass(frozen=True)
class Thresholds:
    """Settings of the exporter; seconds and bytes."""

    after: float = 300.0
    tick: float = 15.0
    min_bytes: int = MIB
    min_ratio: float = 0.25


class Activity(NamedTuple):
    """One answer that is activity."""

    at: float
    ms: float
    swap: int
    since: float
    """The first answer of the series that it belongs to: no gap in it reaches idle.after."""


class Truth:
    def __init__(self, recording: Recording, thresholds: Thresholds | None = None) -> None:
        self.recording = recording
        about = recording.about
        self.thresholds = thresholds or Thresholds(about.get("after", 300.0), about.get("tick", 15.0))
        self._times = [sample.monotonic for sample in recording.samples]
        self._by_index: dict[int, list[Answered]] = {}
        for answer in recording.answers:
            self._by_index.setdefault(answer.index, []).append(answer)
        self._activities = {index: self._active(index, given) for index, given in self._by_index.items()}
        self._ends = {
            index: [activity.at for activity in activities] for index, activities in self._activities.items()
        }
        self._family = {process.index: process.family for process in recording.processes}
        self._light = set(recording.about.get("light", ()))
        self._ticking = set(recording.about.get("ticking", ()))

    def workers(self, family: str, at: float) -> list[int]:
        """Indices of the family's workers that are alive."""
        readings = self.recording.samples[self._sample(at)].readings
        return [
            process.index
            for process in self.recording.processes
            if process.family == family and process.role == "worker" and process.index in readings
        ]

    def last(self, index: int, at: float) -> Activity | None:
        """The last activity before that time."""
        found = bisect_right(self._ends.get(index, []), at)
        return self._activities[index][found - 1] if found else None

    def displaced(self, index: int, at: float) -> int:
        """Bytes."""
        last = self.last(index, at)
        return max(0, self._reading(index, at).vm_swap * 1024 - (last.swap if last else 0))

    def duty(self, index: int, at: float) -> Duty:
        """What the exporter has to say of a worker in a scrape at that time."""
        given = self.thresholds
        start = self._times[0]
        light = self._family[index] in self._light
        last = self.last(index, at)
        idle_for = at - (last.at if last else start)
        if last is not None and idle_for < given.after:
            # The last answers may be too few in their step to be seen.
            seen = idle_for < given.after - given.tick and self._must_be_seen(index, last, at)
            return Duty.LEAVE if seen else Duty.OPEN
        # Thresholds must be met at two ticks running: one sample may be older than a change.
        times = (at, max(start, at - given.tick), max(start, at - 2 * given.tick))
        if all(self._lacks(index, time, MARGIN) for time in times[:2]):
            if self._is_serving(index, at):
                return Duty.OPEN
            return Duty.COUNT if idle_for >= given.after + 2 * given.tick else Duty.OPEN
        # A worker that was counted stays so down to 0.6 of the ratio.
        # Their requests cost next to nothing, so what they serve without is not known to be cold.
        if not light and not any(self._lacks(index, time, 0.5) for time in times):
            return Duty.LEAVE
        return Duty.OPEN

    def _is_serving(self, index: int, at: float) -> bool:
        """Whether it was asked and has not answered yet."""
        return any(answer.sent <= at < answer.answered for answer in self._by_index.get(index, ()))

    def _must_be_seen(self, index: int, last: Activity, at: float) -> bool:
        given = self.thresholds
        family = self._family[index]
        # The user time of a thrashing event loop is known in steps of 10 ms, and hardly more than at rest.
        thrashes = self._reading(index, at).majflt > self._reading(index, at - given.tick).majflt + 100
        ticks = 3 if thrashes and family in self._ticking else 2
        if family in self._light or at - last.since < ticks * given.tick + 1:
            return False
        # CPU time asked for in a second, over the series.
        series = [a for a in self._activities[index] if last.since <= a.at <= last.at]
        spent = sum(activity.ms for activity in series)
        rate = spent / max(1.0, last.at - last.since)
        if len(series) < 2:
            return False
        if family in self._ticking and last.at - last.since < given.tick:
            return False  # a handful of requests is no load for an event loop
        if rate >= ORDINARY_RATE:
            return True
        if family in self._ticking:
            return False
        if self._reading(index, at).threads > 1:
            return at - last.since >= given.after and len(series) > given.after / 60
        quiet = self._reading(index, at).majflt == self._reading(index, max(last.since, at - 40)).majflt
        return quiet and at - last.at < 20 + 2 * given.tick

    def _lacks(self, index: int, at: float, factor: float) -> bool:
        displaced = self.displaced(index, at)
        anonymous = self._reading(index, at).rss_anon * 1024
        given = self.thresholds
        return displaced >= factor * given.min_bytes and displaced >= factor * given.min_ratio * (
            displaced + anonymous
        )

    def _active(self, index: int, answers: Sequence[Answered]) -> list[Activity]:
        found: list[Activity] = []
        answers = _bursts(answers)
        for number, answer in enumerate(answers):
            before = answers[number - 1].answered if number else float("-inf")
            after = answers[number + 1].sent if number + 1 < len(answers) else float("inf")
            alone = answer.sent - before >= MINUTE and after - answer.answered >= MINUTE
            if alone and answer.ms < SMALL_MS and found:
                swap = self._reading(index, answer.sent).vm_swap * 1024
                if self._read_back(index, answer) <= max(0, swap - found[-1].swap) / 10:
                    continue
            gap = answer.sent - (found[-1].at if found else float("-inf"))
            since = answer.answered if gap >= self.thresholds.after else found[-1].since
            found.append(Activity(answer.answered, answer.ms, answer.swap, since))
        return found

    def _read_back(self, index: int, answer: Answered) -> int:
        """Bytes. What a request has freed was not read: it took no faults. php-fpm frees after its answer."""
        before, after = self._reading(index, answer.sent), self._reading(index, answer.answered + 1)
        fell = (before.vm_swap - after.vm_swap) * 1024
        return fell if (after.majflt - before.majflt) * READ_AHEAD >= fell / 2 else 0

    def _sample(self, at: float) -> int:
        return max(0, bisect_right(self._times, at) - 1)

    def _reading(self, index: int, at: float) -> Reading:
        """The last one before that time, or the first one."""
        position = self._sample(at)
        samples = self.recording.samples
        while index not in samples[position].readings and position + 1 < len(samples):
            position += 1
        return samples[position].readings[index]


def _bursts(answers: Sequence[Answered]) -> list[Answered]:
    """Requests within :data:`BURST` are one, with the CPU time of all: no exporter sees them apart."""
    merged: list[Answered] = []
    for answer in answers:
        if merged and answer.sent - merged[-1].answered < BURST and merged[-1].ms + answer.ms < SMALL_MS:
            answer = replace(answer, sent=merged[-1].sent, ms=merged[-1].ms + answer.ms)
            merged.pop()
        merged.append(answer)
    return merged


def wake_seconds(recording: Recording, family: str) -> float | None:
    """The median first request of a worker that woke alone, less the median of warm requests."""
    alone: list[float] = []
    warm: list[float] = []
    awake: set[int] = set()
    for begin, end in spans(recording, "wake one", family):
        answers = [a for a in recording.answers if a.family == family and begin <= a.sent <= end]
        woken: set[int] = set()
        for answer in sorted(answers, key=lambda answer: answer.sent):
            if answer.index in awake | woken:
                warm.append(answer.latency)
            elif not woken:  # a second one in the same span did not wake alone
                alone.append(answer.latency)
            if answer.index not in awake:
                woken.add(answer.index)
        awake |= woken
    return median(alone) - median(warm) if alone and warm else None


def wake_all_seconds(recording: Recording, family: str) -> float | None:
    """From as many simultaneous first requests as there are workers to the last answer."""
    longest = [
        max(answer.latency for answer in answers)
        for begin, end in spans(recording, "wake all", family)
        if (answers := [a for a in recording.answers if a.family == family and begin <= a.sent <= end])
    ]
    return median(longest) if longest else None


def spans(recording: Recording, what: str, family: str = "") -> list[tuple[float, float]]:
    """Start and end of everything of that kind that happened to a family."""
    begins = [e.monotonic for e in recording.events if e.what == what and e.family == family]
    ends = [e.monotonic for e in recording.events if e.what == f"{what} end" and e.family == family]
    return list(zip(begins, ends, strict=False))


def phases(recording: Recording) -> list[tuple[str, float, float]]:
    """Name, start and end of each, in order."""
    names = [event.text for event in recording.events if event.what == "phase"]
    return [(name, *span) for name, span in zip(names, spans(recording, "phase"), strict=False)]
