"""Clocks that jump, over the real /proc: the pipeline is handed its clock, so a test can turn it.

A real suspend, and a CLOCK_REALTIME of one process alone, are not to be had: time namespaces shift the other
two clocks only, and stepping the machine's own would disturb everybody on it.
"""

import os
import subprocess
from collections.abc import Iterator

import pytest

from swap_exporter import config
from swap_exporter.assessment import Assessment, Residency
from swap_exporter.details.details import DetailsReader
from swap_exporter.history.activity import Activity
from swap_exporter.pipeline import Pipeline
from swap_exporter.sampling.clock import now
from swap_exporter.sampling.sample import Instant
from swap_exporter.sampling.scan import Scanner
from swap_exporter.settings.template import TemplateContext
from tests.system.waiting import wait_until

# No other run on this machine has it.
DORMOUSE = f"dormouse-{os.getpid()}"
DORMICE = f"process_names: [{{name: dormice, cmdline: ['^{DORMOUSE}']}}]\ncatalog: false\n".encode()
DAY = 86_400.0


class Clock:
    """The real clocks, and what was added to each."""

    def __init__(self) -> None:
        self.monotonic = self.boottime = self.wall = 0.0

    def __call__(self) -> Instant:
        at = now()
        return Instant(at.monotonic + self.monotonic, at.boottime + self.boottime, at.wall + self.wall)

    def pass_by(self, seconds: float) -> None:
        self.monotonic += seconds
        self.boottime += seconds
        self.wall += seconds

    def step(self, seconds: float) -> None:
        """Somebody sets the clock."""
        self.wall += seconds

    def suspend(self, seconds: float) -> None:
        self.boottime += seconds
        self.wall += seconds


class Watched:
    """A real process under a pipeline whose clock can be turned."""

    def __init__(self) -> None:
        configuration = config.parse(DORMICE, "test.yml")
        self.clock = Clock()
        details_reader = DetailsReader("/proc", "/sys/fs/cgroup", configuration.proportional, self.clock)
        context = TemplateContext(boot_time=0, clock_ticks=os.sysconf("SC_CLK_TCK"), username=str)
        self.line = Pipeline(configuration, Scanner(), details_reader, context, self.clock)

    def watch(self, seconds: int) -> Assessment:
        """Let so many seconds pass, with a sample every 15."""
        for _ in range(0, seconds, 15):
            self.clock.pass_by(15)
            assessment = self.line.latest()
        return assessment


@pytest.fixture
def watched() -> Iterator[Watched]:
    # A program that starts in a moment: what it uses then would fall anywhere in the time that the test lets
    # pass.
    with subprocess.Popen([DORMOUSE, "120"], executable="/bin/sleep") as process:
        try:
            watched = Watched()
            wait_until("it is seen", lambda: is_seen(watched, process.pid))
            yield watched
        finally:
            watched.line.stop()
            process.kill()


def is_seen(watched: Watched, pid: int) -> bool:
    watched.clock.pass_by(2)
    group = watched.line.latest().groups[0]
    return any(verdict.member.process.pid == pid for verdict in group.verdicts)


def idle(assessment: Assessment) -> int:
    (group,) = assessment.groups
    return group.workers[Activity.IDLE, Residency.RESIDENT] + group.workers[Activity.IDLE, Residency.SWAPPED]


def idle_seconds(assessment: Assessment) -> float:
    (group,) = assessment.groups
    assert group.longest_idle_since is not None
    return assessment.sample.at.wall - group.longest_idle_since


@pytest.mark.parametrize("seconds", [DAY, -DAY, 400 * DAY], ids=["a day on", "a day back", "a year on"])
def test_a_wall_clock_that_is_stepped_changes_no_verdict(watched: Watched, seconds: float) -> None:
    before = watched.watch(600)
    watched.clock.step(seconds)
    after = watched.watch(15)
    assert idle(before) == idle(after) == 1
    # Told on the wall clock of now, so that how long ago it was stays right.
    assert idle_seconds(after) == pytest.approx(idle_seconds(before) + 15, abs=3)


def test_a_suspended_machine_leaves_no_gap_and_makes_nobody_idle(watched: Watched) -> None:
    watched.watch(120)
    watched.clock.suspend(8 * 3600)
    assert idle(watched.watch(15)) == 0
    assert idle(watched.watch(300)) == 1


def test_a_stopped_exporter_starts_to_watch_anew(watched: Watched) -> None:
    """SIGSTOP, a frozen cgroup, a virtual machine that was paused: nobody looked meanwhile."""
    assert idle(watched.watch(600)) == 1
    watched.clock.pass_by(3600)
    group = watched.line.latest().groups[0]
    assert group.idle_swapped is None
    assert sum(group.workers[Activity.UNKNOWN, residency] for residency in Residency) == 1
    assert idle(watched.watch(315)) == 1
