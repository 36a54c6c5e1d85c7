"""/proc/PID/schedstat: https://docs.kernel.org/scheduler/sched-stats.html

::

    1183340 24880 12

Only the main thread counts.
"""

from typing import NamedTuple

from swap_exporter.kernel.errors import MalformedFile


class Schedstat(NamedTuple):
    running_ns: int
    waiting_ns: int
    """Time on a run queue, ready but not running."""
    timeslices: int


def parse(raw: bytes) -> Schedstat:
    """Raises MalformedFile."""
    try:
        running, waiting, timeslices = raw.split()
        return Schedstat(int(running), int(waiting), int(timeslices))
    except ValueError:
        raise MalformedFile("schedstat", "three numbers", raw) from None
