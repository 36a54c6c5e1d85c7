"""Whether a process did work between two samples, or only used what it uses at rest. Pure.

An idle worker is not still: gunicorn's touches a file, uvicorn's wakes ten times a second, and each request
to a pre-fork pool wakes every idle worker, most of which find nothing to do. CPU time that such
wake-ups explain is not work. The remainder counts as work if it is at least SMALL.
"""

from enum import Enum
from typing import NamedTuple

from swap_exporter.sampling.sample import CpuClock, Process
from swap_exporter.settings import Idle

SMALL = 0.0015
"""CPU seconds in one step beyond what rest explains: a request of 3 ms is well above it. Fitted to recordings
of idle workers on a busy machine."""

REQUEST = 0.010
"""CPU seconds beyond rest that are more than a health check."""

FAULT = 150e-6
"""CPU seconds that one major fault may cost. Measured: 30 to 180 µs in a thrashing cgroup, where each fault
reclaims a page first."""

FAULT_OF_A_WAKE = 25e-6
"""The same where the pages stay: 15 to 30 µs."""

WAKE_UP = 90e-6
"""CPU seconds of a wake-up that finds nothing to do. Measured: 75 to 100 µs for an idle gunicorn worker that
a request to the pool wakes, 90 to 190 µs for a heartbeat of gunicorn's or uvicorn's."""

MARGIN = 1.5
"""Factor by which a step at rest may exceed the level at rest. Measured: the most expensive 15 s of an idle
uvicorn worker took 1.2 times the median, 1.4 times on a busy machine."""

TICKER = (9.0, 10.4)
"""Voluntary context switches a second of an event loop that wakes every 100 ms and serves nobody: uvicorn's
and hypercorn's, 9.9 to 10.1; one request a second makes it 12 and more."""

LEARNED = 8
"""Steps at rest after which the level of a group counts as known."""


class Usage(NamedTuple):
    """The counters of one process at a sample; all but ``switches`` are sums over its threads."""

    ticks: int
    """Clock ticks of CPU time."""
    user_ticks: int
    children_ticks: int
    """Clock ticks of its waited-for children: a worker whose child does the job is at work."""
    clock: CpuClock | None
    switches: int | None
    """Voluntary context switches of the main thread."""
    major_faults: int


class Level(NamedTuple):
    """What the workers of one group use at rest, learned from all of them over time."""

    share: float = 0.0
    """CPU time at rest, as a share of one core; 0: not seen yet."""
    steps: int = 0
    """How many steps at rest were seen."""

    @property
    def known(self) -> bool:
        return self.steps >= LEARNED

    def learn(self, share: float) -> "Level":
        """Follow a step at rest: down quickly, up slowly, so that a load that grows does not become rest."""
        if self.share == 0:
            return Level(share, self.steps + 1)
        weight = 0.1 if share < self.share else 0.005
        return Level(self.share + weight * (share - self.share), self.steps + 1)

    def silent(self, steps: int) -> "Level":
        """Count steps without any CPU time. They leave the share unchanged: a worker that was stopped would
        teach that the others have no heartbeat."""
        return Level(self.share, self.steps + steps)


class Work(Enum):
    """What a worker did in one step."""

    REST = "rest"
    UNCLEAR = "unclear"
    """More than a heartbeat, less than ``idle.cpu``, and the group was not seen at rest for long enough."""
    SMALL = "small"
    """A health check, or a small request."""
    REQUESTS = "requests"


class Step(NamedTuple):
    """What a process used between two samples."""

    seconds: float
    """Time between the two samples."""
    cpu: float
    """CPU seconds, less what paging cost."""
    cpu_of_a_wake: float
    """The same if the pages came back to stay."""
    timeslices: int
    """Less those that faults took; 0 where unknown."""
    switches: int | None
    faults: int
    """Major ones."""

    @property
    def share(self) -> float:
        return self.cpu / self.seconds


def usage(process: Process, thread_clock: CpuClock | None) -> Usage:
    """The counters of a sample. ``thread_clock``: that of a process with several threads, if it was read."""
    return Usage(
        process.cpu_ticks,
        process.user_ticks,
        process.children_cpu_ticks,
        process.clock or thread_clock,
        process.voluntary_switches,
        process.major_faults,
    )


def unborn(now: Usage) -> Usage:
    """The counters that this process had at its start: 0, or ``None`` where ``now`` is unknown."""
    return Usage(0, 0, 0, now.clock and CpuClock(0, 0), now.switches and 0, 0)


def step(before: Usage, now: Usage, seconds: float, clock_ticks: int) -> Step:
    """What was used in ``seconds``. Paging is not work: an idle worker whose pages a tight cgroup pushes out
    and reads back uses much system time, and no user time."""
    exact = None
    timeslices = 0
    if before.clock is not None and now.clock is not None and now.clock.running_ns >= before.clock.running_ns:
        exact = (now.clock.running_ns - before.clock.running_ns) / 1e9
        timeslices = max(0, now.clock.timeslices - before.clock.timeslices)
    # utime and stime are each cut to whole ticks, so a difference may be two ticks too large.
    cut = 2 / clock_ticks
    ticks = max(0.0, (now.ticks - before.ticks) / clock_ticks - cut)
    cpu = ticks if exact is None else max(exact, ticks)
    of_a_wake = cpu
    faults = max(0, now.major_faults - before.major_faults)
    if faults:
        # Each of them waits: a time slice and a switch that are no wake-up. Many are preempted too, where all
        # that thrashes wants the CPU at once.
        timeslices = max(0, timeslices - 2 * faults)
        user = max(0.0, (now.user_ticks - before.user_ticks - 1) / clock_ticks)
        cpu, of_a_wake = (max(cpu - faults * each, min(user, cpu)) for each in (FAULT, FAULT_OF_A_WAKE))
    children = max(0, now.children_ticks - before.children_ticks) / clock_ticks
    switches = None
    if before.switches is not None and now.switches is not None:
        switches = max(0, now.switches - before.switches - faults)
    return Step(seconds, cpu + children, of_a_wake + children, timeslices, switches, faults)


def judge(step: Step, idle: Idle, level: Level, *, read_back: bool = False) -> Work:
    """Compare a step with ``level``, what the group's workers use at rest. ``read_back``: its own faults
    brought back much of what was displaced, so a request is more than a health check."""
    bound = idle.cpu * step.seconds
    cpu = step.cpu_of_a_wake if read_back else step.cpu
    at_rest = MARGIN * max(idle.heartbeat, level.share) * step.seconds
    if read_back:
        # No heartbeat reads as much; but an idle event loop may, when it collects garbage in its heap.
        if at_rest < REQUEST and level.known:
            return Work.REQUESTS
    elif _ticks_only(step) and cpu <= bound:
        return Work.REST
    explained = min(max(at_rest, step.timeslices * WAKE_UP), bound)
    work = cpu - explained
    if work < SMALL:
        return Work.REST
    if not level.known and cpu <= bound:
        return Work.UNCLEAR
    return Work.SMALL if work < REQUEST and not read_back else Work.REQUESTS


def _ticks_only(step: Step) -> bool:
    least, most = TICKER
    if step.switches is None or step.faults > step.switches:
        # With more faults than wake-ups, the remaining switches do not count wake-ups.
        return False
    return least * step.seconds <= step.switches <= most * step.seconds
