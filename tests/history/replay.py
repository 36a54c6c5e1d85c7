"""Recorded samples of real servers, run through the history as the daemon would have taken them.

The truth is in the recording: when each worker answered, and its VmSwap right after that.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from swap_exporter import config
from swap_exporter.details.details import Details
from swap_exporter.grouping.grouping import Grouping, Member, by_name
from swap_exporter.grouping.roles import Reason, Role
from swap_exporter.history.activity import Activity, activity
from swap_exporter.history.history import History
from swap_exporter.sampling.sample import CpuClock, Instant, Process, Sample
from swap_exporter.settings import Configuration, Entry
from tests.making import host
from tests.zoo.recording import Recorded, Recording, Sampled, load

ROLES = {"worker": Role.WORKER, "master": Role.MASTER}


@dataclass(frozen=True)
class Seen:
    """What the history says of one worker at one sample."""

    at: float
    worker: Recorded
    counted: bool
    """As idle and swapped."""
    activity: Activity
    displaced: int
    """Bytes."""


def replay(recording: Recording, offset: float = 0.0, scale: float = 1.0) -> Iterator[Seen]:
    """Every worker at every sample. Samples begin ``offset`` ticks late, and are ``scale`` ticks apart."""
    tick = recording.about.get("tick", 15.0)
    configuration = replace(config.load(None), tick=tick)
    history = History(configuration)
    entries = {
        family: _entry(configuration, group, recording.about.get("after", 300.0))
        for family, group in recording.about["families"].items()
    }
    for sampled in _every(recording, offset * tick, scale * tick):
        sample, members, clocks = _as_sample(recording, sampled, entries)
        observation = history.observe(
            sample, Grouping(by_name(members), (), 0), Details(thread_clocks=clocks)
        )
        by_pid = {recording.processes[index].pid: recording.processes[index] for index in sampled.readings}
        for of in observation.activity.values():
            for member, watch in of.alive:
                if member.role is Role.WORKER:
                    doing = activity(watch, sample.at, member.entry.idle)
                    yield Seen(
                        at=sampled.monotonic,
                        worker=by_pid[member.process.pid],
                        counted=doing is Activity.IDLE and watch.swapped,
                        activity=doing,
                        displaced=max(0, (member.process.swap or 0) - watch.cold),
                    )


def recordings() -> list[Path]:
    return sorted((Path(__file__).parent.parent / "zoo" / "recordings").glob("*.jsonl.gz"))


@cache
def loaded(path: Path) -> Recording:
    return load(path)


def _every(recording: Recording, offset: float, tick: float) -> Iterator[Sampled]:
    due = recording.samples[0].monotonic + offset
    for sampled in recording.samples:
        if sampled.monotonic >= due:
            yield sampled
            due += tick


def _entry(configuration: Configuration, group: str, after: float) -> Entry:
    """The first entry of the family; its entries have the same settings of ``idle``."""
    family = re.split("[^a-z-]", group)[0]
    entry = next(entry for entry in configuration.entries if entry.name.text.partition(":")[0] == family)
    return replace(entry, idle=replace(entry.idle, after=after))


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
