"""All contestants measure the same processes in turn, in several states of the host."""

import contextlib
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import contestants
from bench.contestants import Measure, Measurement
from bench.exporter_options import configuration, sample_each_request
from bench.line_service import LineService, line_service
from swap_exporter.kernel import vmstat
from swap_exporter.kernel.vmstat import Vmstat

NAMES = 50
MAX_TRIES = 10
"""Rounds that may be tried for each one that counts."""
Round = dict[str, Measurement]
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
    SWAPPED = "quiet, all in swap"


class Result(NamedTuple):
    """Medians over the rounds of one case and number of processes, by contestant."""

    case: Case
    processes: int
    cpu: dict[str, float]
    """CPU seconds."""
    seconds: dict[str, float]
    """Elapsed seconds."""
    times_floor: dict[str, float]
    """CPU divided by the floor's in the same round."""
    scrape_ratio: float
    """Elapsed seconds of process-exporter's scrape divided by swap-exporter's in the same round."""


def compare(case: Case, processes: int, rounds: int, programs: Path, scratch: Path) -> Result:
    """Raises EOFError or OSError if a contestant fails or the host is not in the state of the case."""
    with contextlib.ExitStack() as stack:
        if case is Case.SWAPPING:
            stack.enter_context(line_service([str(programs / "swapping")]))
        idle = stack.enter_context(idle_processes(programs, processes, NAMES))
        if case is Case.SWAPPED:
            idle.ask(f"push {processes}")
        measures = _contestants(stack, programs, scratch)
        previous = _swap_counters()
        for measure in measures.values():
            measure()
        valid: list[Round] = []
        for _ in range(MAX_TRIES * rounds):
            if len(valid) == rounds:
                break
            before = _swap_counters()
            _prepare(case, processes, idle)
            measured = {name: measure() for name, measure in measures.items()}
            # Other programs may swap too, or the kernel itself where DAMON reclaims cold pages. Such a round
            # is not one of a quiet host, nor is the next: its samples see what moved since the previous ones.
            since = before if case is Case.SWAPPING else previous
            if (_swap_counters() != since) is (case is Case.SWAPPING):
                valid.append(measured)
            previous = before
        else:
            raise OSError(
                f"the host was {'not ' if case is Case.SWAPPING else ''}swapping in too many rounds"
            )
    return _result(case, processes, valid)


@contextlib.contextmanager
def idle_processes(programs: Path, processes: int, names: int) -> Iterator[LineService]:
    with line_service([str(programs / "idle"), str(processes), str(names)]) as idle:
        idle.answer()
        yield idle


def _contestants(stack: contextlib.ExitStack, programs: Path, scratch: Path) -> dict[str, Measure]:
    theirs, ours = scratch / "process-exporter.yaml", scratch / "swap-exporter.yaml"
    theirs.write_text(configuration(NAMES))
    ours.write_text(sample_each_request(configuration(NAMES)))
    return {
        FLOOR: stack.enter_context(contestants.floor(programs)),
        SAMPLE: stack.enter_context(contestants.sampler(ours)),
        SCRAPE: stack.enter_context(contestants.daemon(ours))[0],
        PROCESS_EXPORTER: stack.enter_context(contestants.process_exporter(theirs)),
        PSUTIL: stack.enter_context(contestants.psutil_scan()),
    }


def _prepare(case: Case, processes: int, idle: LineService) -> None:
    """Change the processes once per round, before the contestants measure."""
    if case is Case.RUNNING:
        idle.ask(f"run {processes // 10}")
    elif case is Case.REPLACED:
        idle.ask(f"replace {processes // 5}")
    time.sleep(0.1)  # until the processes are at rest again


def _swap_counters() -> Vmstat:
    """Counters of pages swapped out and in, zero-filled and compressed ones included."""
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
