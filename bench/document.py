"""The measurements as a page of Markdown."""
# ruff: noqa: RUF001 - the multiplication sign is meant

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from bench.comparison import FLOOR, PROCESS_EXPORTER, PSUTIL, SAMPLE, SCRAPE, Case, Result
from bench.cost import Exposition, Memory
from bench.markdown import table
from bench.soak import PROCESSES, REPLACED, Standing
from swap_exporter.sampling.tracked import HELD_BYTES

AT = 5000
"""Processes for which targets are set."""
TITLE = "# What it costs"
_MIB = 1 << 20


def comparison(results: Iterable[Result]) -> str:
    """The table: CPU per process, and how many times the floor."""
    rows = [
        (
            result.case,
            f"{result.processes:,}",
            _per_process(result, FLOOR),
            *(
                f"{_per_process(result, name)} ({result.times_floor[name]:.2f} ×)"
                for name in (SAMPLE, PSUTIL, PROCESS_EXPORTER)
            ),
            f"{result.seconds[SCRAPE] * 1e3:,.1f}",
            f"{result.seconds[PROCESS_EXPORTER] * 1e3:,.1f}",
            f"{result.scrape_ratio:.1f} ×",
        )
        for result in results
    ]
    return table(
        (
            "host",
            "processes",
            "floor, µs",
            "swap-exporter, µs",
            "psutil, µs",
            "process-exporter, µs",
            "scrape, ms",
            "its scrape, ms",
            "faster",
        ),
        rows,
    )


def targets(
    results: Sequence[Result], memories: Sequence[Memory], start: float, expositions: Sequence[Exposition]
) -> str:
    """What is aimed at beside what was measured, also where it was missed."""
    at = {result.case: result for result in results if result.processes == AT}
    linear = [result for result in results if result.case is Case.SWAPPING]
    rows: list[tuple[str, str, str, bool]] = []

    def target(what: str, expected: str, measured: str, reached: bool) -> None:
        rows.append((what, expected, measured, reached))

    if swapping := at.get(Case.SWAPPING):
        times, faster = swapping.times_floor[SAMPLE], swapping.scrape_ratio
        target("CPU of a sample, host swapping", "≤ 1.6 × floor", f"{times:.2f} ×", times <= 1.6)
        target(
            "scrape, host swapping", "≥ 12 × faster than process-exporter's", f"{faster:.1f} ×", faster >= 12
        )
    if quiet := at.get(Case.QUIET):
        each, faster = quiet.cpu[SAMPLE] / AT * 1e6, quiet.scrape_ratio
        target("CPU of a sample, host quiet", "≤ 5 µs per process", f"{each:.1f} µs", each <= 5)
        target("scrape, host quiet", "≥ 40 × faster than process-exporter's", f"{faster:.1f} ×", faster >= 40)
    if len(linear) > 1:
        each = linear[-1].times_floor[SAMPLE] / linear[0].times_floor[SAMPLE]
        ends = f"{linear[0].processes:,} to {linear[-1].processes:,}"
        target(f"× floor per process, {ends}", "does not rise", f"{each:.2f} ×", each <= 1.1)
    for memory in memories:
        most = 30 if memory.processes <= 200 else 80
        measured = memory.all / _MIB
        target(
            f"memory, {memory.processes:,} processes",
            f"≤ {most} MiB",
            f"{measured:.1f} MiB",
            measured <= most,
        )
    target("start to first answered scrape, 200 processes", "≤ 1 s", f"{start:.2f} s", start <= 1)
    for exposition in expositions:
        limit, took = (5 if exposition.groups <= 20 else 150), exposition.anew * 1e3
        target(f"exposition of {exposition.groups} groups", f"≤ {limit} ms", f"{took:.1f} ms", took <= limit)
    return table(
        ("", "target", "measured", ""),
        [(*row, "reached" if reached else "**missed**") for *row, reached in rows],
    )


def memory(memories: Iterable[Memory]) -> str:
    return table(
        ("processes", "private memory, MiB", "descriptors held", "with their kernel memory, MiB"),
        [
            (
                f"{each.processes:,}",
                f"{each.private / _MIB:.1f}",
                f"{each.descriptors:,}",
                f"{each.all / _MIB:.1f}",
            )
            for each in memories
        ],
    )


def expositions(measured: Iterable[Exposition]) -> str:
    return table(
        ("groups", "series", "KiB, plain", "CPU, ms", "again, at rest"),
        [
            (
                str(each.groups),
                f"{each.series:,}",
                f"{each.bytes / 1024:,.0f}",
                f"{each.anew * 1e3:.1f}",
                f"{each.again * 1e3:.1f}",
            )
            for each in measured
        ],
    )


def soak(standings: Iterable[Standing]) -> str:
    return table(
        ("samples", "private memory, MiB", "descriptors", "processes remembered", "objects"),
        [
            (
                f"{each.samples:,}",
                f"{each.private / _MIB:.1f}",
                str(each.descriptors),
                str(each.remembered),
                f"{each.objects:,}",
            )
            for each in standings
        ],
    )


def machine() -> str:
    """One line."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"{os.cpu_count()} × {model}, {memory:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}, psutil {version('psutil')}"
    )


def page(tables: dict[str, str], load: str) -> str:
    return f"""{TITLE}
Written by
```sh
sudo make bench
```
on {machine()}; load average at the beginning: {load}.

The work: idle processes under 50 names, all of them matched, in a pid namespace of their own. Everybody is
measured on the same processes in the same run, by turns; numbers are medians, ratios are medians of the
ratios of each turn. Times are CPU time, per process, of one sample; scrapes are from the request to the last
byte of the answer. Absolute times differ from machine to machine and from hour to hour; ratios hold better.

- **floor**: a C program that preads stat and status of each process through descriptors that it holds, and
  parses nothing
- **swap-exporter**: one sample through the whole pipeline, with groups, history and verdicts; delay
  accounting is off, as it is by default in Linux (`kernel.task_delayacct`)
- **psutil**: `process_iter` with `memory_full_info`, as most people would write it
- **process-exporter**: Debian's, `-threads=false -gather-smaps=false`, with the same `process_names`; CPU of
  one scrape

{tables["comparison"]}
Quiet: nothing moves to or from swap. Swapping: one process keeps pages moving, so that everybody's memory has
to be read at each sample. 10 % run: between two samples they do a little work. 20 % replaced: between two
samples they end and others start. Quiet, all in swap: nothing moves, each process lies in swap, and the swap
cache still has its pages, so that it may come back unseen and is read at each sample.

The floor reads stat and status of everyone. swap-exporter can be below it: of a process that has not run it
reads neither, and while the host swaps status alone. Why that is as true is told at the top of
[tracked.py](../src/swap_exporter/sampling/tracked.py). Of processes with several threads it reads both each
time; and with delay accounting on it also asks, at each sample, for what every member waited.

## Targets
{tables["targets"]}
## Memory of the daemon
{tables["memory"]}
A held descriptor is counted with {HELD_BYTES:,} bytes of kernel memory, charged to the exporter's
cgroup.

## Exposition
In the format that Prometheus asks for, from the assessment of a sample to bytes: where each value is new, and
where none is, for a family that is as it was the last time is not encoded again.

{tables["expositions"]}
## Soak
{PROCESSES} processes of which {REPLACED} are replaced before each sample, in one process:

{tables["soak"]}
## Past one machine
What Prometheus has to hold, and what its scrapes cost a host. How many series there are at most, and what to
save first: [sizing.md](sizing.md).

{tables["plan"]}"""


def _per_process(result: Result, name: str) -> str:
    return f"{result.cpu[name] / result.processes * 1e6:.1f}"
