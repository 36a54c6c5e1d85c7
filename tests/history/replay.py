"""Recorded samples of real servers, run through the history as the daemon would have taken them.

The truth is in the recording: when each worker answered, and its VmSwap right after that.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from swap_exporter import config
from swap_exporter.grouping.entry import Entry
from swap_exporter.grouping.grouping import Grouping, Member, by_name
from swap_exporter.grouping.roles import Reason, Role
from swap_exporter.history.history import History
from swap_exporter.history.watch import Activity, activity
from swap_exporter.sampling.inspection import Inspection
from swap_exporter.sampling.sample import CpuClock, Instant, Process, Sample
from swap_exporter.settings import Configuration
from tests.making import host
from tests.zoo.recording import Answered, Recorded, Recording, Sampled, load

TICK = 15.0
ROLES = {"worker": Role.WORKER, "master": Role.MASTER}
HEALTH_MS = 2.0
"""Requests of so many milliseconds are health checks, which leave a worker idle."""


@dataclass(frozen=True)
class Seen:
    """One worker at one sample."""

    at: float
    worker: Recorded
    counted: bool
    activity: Activity
    displaced: int
    """What the history says, in bytes."""
    missing: int
    """The truth: VmSwap now less VmSwap at the last answer."""
    anonymous: int
    last_answer: float | None
    watched: float
    """Seconds since it was first seen."""


def replay(recording: Recording, offset: float = 0.0, tick: float = TICK) -> Iterator[Seen]:
    """Every worker at every sample; samples are ``tick`` seconds apart and begin ``offset`` seconds late."""
    configuration = config.load(None)
    history = History(configuration)
    entries = {family: _entry(configuration, group) for family, group in recording.about["families"].items()}
    answers = _answers(recording)
    first_seen: dict[int, float] = {}
    for sampled in _every(recording, offset, tick):
        sample, members, clocks = _as_sample(recording, sampled, entries)
        observation = history.observe(
            sample, Grouping(by_name(members), (), 0), Inspection(thread_clocks=clocks)
        )
        by_pid = {worker.pid: worker for worker in recording.processes if worker.index in sampled.readings}
        for of in observation.watches.values():
            for member, watch in of.alive:
                if member.role is not Role.WORKER:
                    continue
                worker = by_pid[member.process.pid]
                began = first_seen.setdefault(worker.index, sampled.monotonic)
                last = _last(answers.get(worker.index, []), sampled.monotonic)
                doing = activity(watch, sample.at, member.entry.idle)
                swap = member.process.swap or 0
                yield Seen(
                    at=sampled.monotonic,
                    worker=worker,
                    counted=doing is Activity.IDLE and watch.swapped,
                    activity=doing,
                    displaced=max(0, swap - watch.cold),
                    missing=max(0, swap - (last.swap if last else 0)),
                    anonymous=member.process.resident_anonymous or 0,
                    last_answer=last.answered if last else None,
                    watched=sampled.monotonic - began,
                )


def recordings() -> list[Path]:
    return sorted((Path(__file__).parent.parent / "zoo" / "recordings").glob("*.jsonl.gz"))


@cache
def loaded(path: Path) -> Recording:
    return load(path)


def _answers(recording: Recording) -> Mapping[int, list[Answered]]:
    found: dict[int, list[Answered]] = {}
    for answer in recording.answers:
        if answer.ms != HEALTH_MS:
            found.setdefault(answer.index, []).append(answer)
    return found


def _last(answers: list[Answered], at: float) -> Answered | None:
    place = bisect_right(answers, at, key=lambda answer: answer.answered)
    return answers[place - 1] if place else None


def _every(recording: Recording, offset: float, tick: float) -> Iterator[Sampled]:
    due = recording.samples[0].monotonic + offset
    for sampled in recording.samples:
        if sampled.monotonic >= due:
            yield sampled
            due += tick


def _entry(configuration: Configuration, group: str) -> Entry:
    family = re.split("[^a-z-]", group)[0]
    return next(entry for entry in configuration.entries if entry.name.text.partition(":")[0] == family)


def _as_sample(
    recording: Recording, sampled: Sampled, entries: Mapping[str, Entry]
) -> tuple[Sample, list[Member], dict[tuple[int, int], CpuClock]]:
    members, clocks = [], {}
    for index, reading in sampled.readings.items():
        recorded = recording.processes[index]
        clock = CpuClock(reading.run_us * 1000, reading.timeslices) if reading.timeslices else None
        process = Process(
            pid=recorded.pid,
            start_ticks=recorded.start_ticks,
            parent_pid=1,
            comm=recorded.comm,
            state=reading.state,
            threads=reading.threads,
            kernel_thread=False,
            cpu_ticks=reading.utime + reading.stime,
            user_ticks=reading.utime,
            children_cpu_ticks=reading.cutime + reading.cstime,
            major_faults=reading.majflt,
            clock=clock if reading.threads == 1 else None,
            voluntary_switches=reading.voluntary,
            layout=None,
            argv=(),
            swap=reading.vm_swap * 1024,
            resident=reading.vm_rss * 1024,
            resident_anonymous=reading.rss_anon * 1024,
            effective_uid=0,
            cgroups=(),
        )
        if reading.threads > 1 and clock is not None:
            clocks[process.identity] = clock
        role = ROLES.get(recorded.role, Role.AUXILIARY)
        entry = entries[recorded.family]
        members.append(Member(process, recorded.family, role, entry, False, Reason.TITLE))
    members.sort(key=lambda member: member.process.pid)
    sample = Sample(
        at=Instant(sampled.monotonic, sampled.boottime, 1e9 + sampled.boottime),
        processes={member.process.pid: member.process for member in members},
        vanished=0,
        denied=0,
        host=host(pswpin=sampled.host["pswpin"], pswpout=sampled.host["pswpout"]),
        collectors=(),
        page_size=4096,
        clock_ticks=recording.clock_ticks,
    )
    return sample, members, clocks
