"""A day in fast motion: 5,760 samples through everything but the kernel, with the verdicts of each hour."""

import gc
import sys
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from swap_exporter import config
from swap_exporter.assessment import Assessment, GroupAssessment, Residency
from swap_exporter.details.details import DetailsReader
from swap_exporter.exposition.render import families
from swap_exporter.grouping.roles import Role
from swap_exporter.history.activity import Activity
from swap_exporter.pipeline import Pipeline
from swap_exporter.sampling.sample import Instant, Process, Sample
from swap_exporter.sampling.scan import Scanner
from swap_exporter.settings import Proportional
from swap_exporter.settings.template import TemplateContext
from tests.making import HZ, MIB, host, instant, process, sample

HOUR = 3600
BOOT = 1000
"""Seconds from boot to the beginning of the day."""
WORKERS = range(20, 28)
RECYCLED = WORKERS[-1]
JOBS_EVERY = 900
CONFIGURATION = b"""
process_names:
  - {name: "job:{{.Matches.number}}", cmdline: ['^job (?P<number>[0-9]+)']}
"""


class Day:
    """A server with eight workers that works from 8 to 20 h, and is pushed out at 3 and 22 h.

    One worker is recycled every hour. Every quarter of an hour a job runs for a minute under a new name.
    """

    def __init__(self) -> None:
        self.seconds = 0

    def clock(self) -> Instant:
        return instant(BOOT + self.seconds)

    def scan(self, clock: Callable[[], Instant]) -> Sample:
        moved = 0
        for hour, pages in ((3, 184_320), (8, 61_440), (22, 122_880)):
            moved += int(min(max(0, self.seconds - hour * HOUR), 60) / 60 * pages)
        return sample(clock(), self._processes(), host(pswpin=moved, pswpout=moved))

    def _processes(self) -> Iterator[Process]:
        yield self._process(1, "init", cpu=self.seconds / 1000, parent=0)
        yield self._process(10, "gunicorn: master [shop]", cpu=self.seconds / 5000)
        yield from map(self._worker, WORKERS)
        number, age = divmod(self.seconds, JOBS_EVERY)
        if age < 60:
            start = BOOT + number * JOBS_EVERY
            yield self._process(1000 + number, f"job {number}", cpu=age / 2, start=start)
        for pid in range(100, 120):
            yield self._process(pid, f"sh {pid}", cpu=0)

    def _worker(self, pid: int) -> Process:
        born = self.seconds // HOUR * HOUR if pid == RECYCLED else 0
        worked = max(0, min(self.seconds, 20 * HOUR) - max(born, 8 * HOUR))
        swap = 0 if pid == RECYCLED else self._swap()
        start = BOOT + born if born else 1
        return self._process(pid, "gunicorn: worker [shop]", worked / 100, start=start, swap=swap, parent=10)

    def _swap(self) -> int:
        """90 MiB at 3 h, of which 60 are not missed at 8 h; 30 more at 22 h."""
        hour = self.seconds / HOUR
        return MIB * (0 if hour < 3 else 90 if hour < 8 else 60 if hour < 22 else 110)

    def _process(
        self, pid: int, title: str, cpu: float, start: float = 1, swap: int = 0, parent: int = 1
    ) -> Process:
        made = process(pid, start=start, cpu=cpu, swap=swap, resident=10 * MIB, parent=parent)
        return made._replace(argv=(title,), comm=title.split(":")[0].split(" ")[0])


def shop(assessment: Assessment) -> GroupAssessment:
    return next(group for group in assessment.groups if group.name == "gunicorn:shop")


def told(assessment: Assessment) -> tuple[int, int, int, int, bool | None]:
    """Workers busy and idle, those idle and swapped, stranded MiB, whether the host is quiet."""
    group = shop(assessment)
    busy, idle = (
        sum(group.workers[activity, residency] for residency in Residency)
        for activity in (Activity.BUSY, Activity.IDLE)
    )
    assert group.idle_swapped is not None
    assert group.idle_swapped.stranded is not None
    return busy, idle, group.idle_swapped.workers, group.idle_swapped.stranded // MIB, assessment.quiet


EXPECTED = {
    2.5: (0, 8, 0, 0, True),
    3.02: (0, 7, 7, 630, False),  # the recycled one is not known yet
    4.5: (0, 8, 7, 630, True),
    7.99: (0, 8, 7, 630, True),
    8.5: (8, 0, 0, 0, True),
    15.5: (8, 0, 0, 0, True),
    19.99: (8, 0, 0, 0, True),
    21.5: (0, 8, 0, 0, True),  # what they did not miss while they worked is cold
    22.5: (0, 8, 7, 770, True),
    23.99: (0, 8, 7, 770, True),
}


def counters(assessment: Assessment) -> dict[tuple[str, ...], float]:
    return {
        (family.name, *sample.labels.values()): sample.value
        for family in families(assessment)
        if family.type == "counter"
        for sample in family.samples
    }


def test_a_day() -> None:
    day = Day()
    configuration = config.parse(CONFIGURATION, "test.yml")
    details_reader = DetailsReader("/nowhere", "/nowhere", Proportional(), day.clock, frozenset())
    line = Pipeline(configuration, cast(Scanner, day), details_reader, TemplateContext(0, HZ, str), day.clock)
    before: dict[tuple[str, ...], float] = {}
    verdicts, blocks = {}, {}
    for day.seconds in range(0, 24 * HOUR, 15):
        line.tick()
        assessment = line.latest()
        assert assessment.sample.at == day.clock()
        assert len(assessment.groups) <= 1 + 1 + HOUR / JOBS_EVERY + 1
        if day.seconds % 300 == 0:
            now = counters(assessment)
            assert all(value >= before.get(key, 0) for key, value in now.items())
            before = now
        if day.seconds in (11.4 * HOUR, 23.4 * HOUR):
            gc.collect()
            blocks[day.seconds] = sys.getallocatedblocks()
        for hour in EXPECTED:
            if day.seconds == int(hour * HOUR) // 15 * 15:
                verdicts[hour] = told(assessment)
    assert verdicts == EXPECTED
    noon, midnight = blocks.values()
    assert midnight - noon < 500
    # All that its workers used in 12 hours at 1 %, the recycled one's included, from their first sample on.
    used = shop(assessment).roles[Role.WORKER].counters.cpu_ticks / HZ
    assert used == pytest.approx(8 * 12 * 36, rel=0.001)
    assert len(assessment.groups) <= 7
