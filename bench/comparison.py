"""Every contestant on the same processes, by turns, in four states of the host."""

import contextlib
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import contestants
from bench.contestants import Measure, Reading
from bench.exporter_options import configuration, every_time
from bench.line_service import LineService, line_service
from swap_exporter.kernel import vmstat
from swap_exporter.kernel.vmstat import Vmstat

NAMES = 50
MOST_TRIES = 10
Round = dict[str, Reading]
"""By contestant."""
FLOOR, SAMPLE, SCRAPE, PROCESS_EXPORTER, PSUTIL = (
    "floor",
    "sample",
    "scrape",
    "process-exporter",
    "psutil",
)


class Case(StrEnum):
    QUIET = "quiet"
    SWAPPING = "swapping"
    RUNNING = "10 % run"
    REPLACED = "20 % replaced"
    LYING = "quiet, all in swap"


class Result(NamedTuple):
    """Of one case and number of processes, by contestant: medians over the rounds."""

    case: Case
    processes: int
    cpu: dict[str, float]
    """Seconds of CPU."""
    seconds: dict[str, float]
    """Seconds by the wall's clock."""
    times_floor: dict[str, float]
    """CPU over the floor's in the same round."""
    scrape_ratio: float
    """process-exporter's scrape over swap-exporter's, in the same round."""


def compare(case: Case, processes: int, rounds: int, built: Path, scratch: Path) -> Result:
    """Raises EOFError or OSError where one cannot be measured."""
    with contextlib.ExitStack() as stack:
        if case is Case.SWAPPING:
            stack.enter_context(line_service([str(built / "swapping")]))
        idle = stack.enter_context(idle_processes(built, processes, NAMES))
        if case is Case.LYING:
            idle.ask(f"push {processes}")
        measures = _contestants(stack, built, scratch)
        last = _moved()
        for measure in measures.values():
            measure()
        readings: list[Round] = []
        for _ in range(MOST_TRIES * rounds):
            if len(readings) == rounds:
                break
            before = _moved()
            _prepare(case, processes, idle)
            reading = {name: measure() for name, measure in measures.items()}
            # Others may swap as well, the kernel itself where DAMON reclaims what is cold: such a turn says
            # nothing of a quiet host, nor does the next, for what it meets has moved since the one before.
            since = before if case is Case.SWAPPING else last
            if (_moved() != since) is (case is Case.SWAPPING):
                readings.append(reading)
            last = before
        else:
            raise OSError(f"the host was {'not ' if case is Case.SWAPPING else ''}swapping in too many turns")
    return _result(case, processes, readings)


@contextlib.contextmanager
def idle_processes(built: Path, processes: int, names: int) -> Iterator[LineService]:
    with line_service([str(built / "idle"), str(processes), str(names)]) as idle:
        idle.answer()
        yield idle


def _contestants(stack: contextlib.ExitStack, built: Path, scratch: Path) -> dict[str, Measure]:
    theirs, ours = scratch / "process-exporter.yaml", scratch / "swap-exporter.yaml"
    theirs.write_text(configuration(NAMES))
    ours.write_text(every_time(configuration(NAMES)))
    return {
        FLOOR: stack.enter_context(contestants.floor(built)),
        SAMPLE: stack.enter_context(contestants.sampler(ours)),
        SCRAPE: stack.enter_context(contestants.daemon(ours))[0],
        PROCESS_EXPORTER: stack.enter_context(contestants.process_exporter(theirs)),
        PSUTIL: stack.enter_context(contestants.psutil_scan()),
    }


def _prepare(case: Case, processes: int, idle: LineService) -> None:
    """What happens between two samples of a contestant, once for all of them."""
    if case is Case.RUNNING:
        idle.ask(f"run {processes // 10}")
    elif case is Case.REPLACED:
        idle.ask(f"replace {processes // 5}")
    time.sleep(0.1)  # until what was started has come to rest


def _moved() -> Vmstat:
    """Whatever counts pages that went to swap or came back, zero-filled and compressed ones too."""
    return vmstat.parse(Path("/proc/vmstat").read_bytes())


def _result(case: Case, processes: int, rounds: list[Round]) -> Result:
    names = list(rounds[0])
    return Result(
        case,
        processes,
        cpu={name: median(each[name].cpu for each in rounds) for name in names},
        seconds={name: median(each[name].seconds for each in rounds) for name in names},
        times_floor={name: median(each[name].cpu / each[FLOOR].cpu for each in rounds) for name in names},
        scrape_ratio=median(each[PROCESS_EXPORTER].seconds / each[SCRAPE].seconds for each in rounds),
    )
