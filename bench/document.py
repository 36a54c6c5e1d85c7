"""The measurements as a page of Markdown."""
# ruff: noqa: RUF001 - the multiplication sign is meant

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from bench.comparison import FLOOR, NAMES, PROCESS_EXPORTER, PSUTIL, SAMPLE, SCRAPE, Case, Result
from bench.cost import Exposition, Memory
from bench.markdown import table
from bench.soak import PROCESSES, REPLACED, Snapshot
from swap_exporter.sampling.tracked import OPEN_FILE_BYTES
from swap_exporter.settings import Configuration

TARGET_PROCESSES = 5000
"""Number of processes that the targets apply to."""
SCRAPE_INTERVAL = 30
"""Seconds, as in deploy/prometheus/prometheus.yml."""
TITLE = "# What it costs"
_MIB = 1 << 20


def comparison(results: Iterable[Result]) -> str:
    """CPU per process of each contestant, and its ratio to the floor."""
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
            "swap-exporter's scrape, ms",
            "process-exporter's scrape, ms",
            "scrape ratio",
        ),
        rows,
    )


def shares(results: Iterable[Result]) -> str:
    """CPU of swap-exporter when it is scraped every SCRAPE_INTERVAL seconds, as a share of one core."""
    # One sample per tick, and the scrape takes one of them.
    unscraped = SCRAPE_INTERVAL / Configuration().tick - 1
    return table(
        ("host", "processes", "a sample, ms", "a scrape, ms", "share of one core"),
        [
            (
                result.case,
                f"{result.processes:,}",
                f"{result.cpu[SAMPLE] * 1e3:.1f}",
                f"{result.cpu[SCRAPE] * 1e3:.1f}",
                f"{(result.cpu[SCRAPE] + unscraped * result.cpu[SAMPLE]) / SCRAPE_INTERVAL * 100:.2f} %",
            )
            for result in results
            if result.processes in (200, TARGET_PROCESSES)
        ],
    )


def targets(
    results: Sequence[Result], memories: Sequence[Memory], start: float, expositions: Sequence[Exposition]
) -> str:
    """Each target beside what was measured, missed ones too."""
    by_case = {result.case: result for result in results if result.processes == TARGET_PROCESSES}
    swapping_results = [result for result in results if result.case is Case.SWAPPING]
    rows: list[tuple[str, str, str, bool]] = []

    def target(name: str, expected: str, measured: str, reached: bool) -> None:
        rows.append((name, expected, measured, reached))

    if swapping := by_case.get(Case.SWAPPING):
        times, faster = swapping.times_floor[SAMPLE], swapping.scrape_ratio
        target("CPU of a sample, host swapping", "≤ 1.6 × floor", f"{times:.2f} ×", times <= 1.6)
        target(
            "scrape, host swapping", "≥ 12 × faster than process-exporter's", f"{faster:.1f} ×", faster >= 12
        )
    if quiet := by_case.get(Case.QUIET):
        each, faster = quiet.cpu[SAMPLE] / TARGET_PROCESSES * 1e6, quiet.scrape_ratio
        target("CPU of a sample, host quiet", "≤ 5 µs per process", f"{each:.1f} µs", each <= 5)
        target("scrape, host quiet", "≥ 40 × faster than process-exporter's", f"{faster:.1f} ×", faster >= 40)
    if len(swapping_results) > 1:
        first, last = swapping_results[0], swapping_results[-1]
        each = last.times_floor[SAMPLE] / first.times_floor[SAMPLE]
        sizes = f"{first.processes:,} to {last.processes:,}"
        target(f"× floor per process, {sizes}", "does not rise", f"{each:.2f} ×", each <= 1.1)
    for memory in memories:
        limit = 30 if memory.processes <= 200 else 80
        measured = memory.total / _MIB
        target(
            f"memory, {memory.processes:,} processes",
            f"≤ {limit} MiB",
            f"{measured:.1f} MiB",
            measured <= limit,
        )
    target("start to end of first scrape, 200 processes", "≤ 1 s", f"{start:.2f} s", start <= 1)
    for exposition in expositions:
        limit, cpu = (5 if exposition.groups <= 20 else 150), exposition.changed * 1e3
        target(f"exposition of {exposition.groups} groups", f"≤ {limit} ms", f"{cpu:.1f} ms", cpu <= limit)
    return table(
        ("", "target", "measured", ""),
        [(*row, "reached" if reached else "**missed**") for *row, reached in rows],
    )


def memory(memories: Iterable[Memory]) -> str:
    return table(
        ("processes", "private memory, MiB", "open /proc files", "with their kernel memory, MiB"),
        [
            (
                f"{each.processes:,}",
                f"{each.private / _MIB:.1f}",
                f"{each.descriptors:,}",
                f"{each.total / _MIB:.1f}",
            )
            for each in memories
        ],
    )


def expositions(measured: Iterable[Exposition]) -> str:
    return table(
        ("groups", "series", "KiB, plain", "bytes per series", "CPU, ms", "CPU at rest, ms"),
        [
            (
                str(each.groups),
                f"{each.series:,}",
                f"{each.bytes / 1024:,.0f}",
                f"{each.bytes / each.series:.0f}",
                f"{each.changed * 1e3:.1f}",
                f"{each.unchanged * 1e3:.1f}",
            )
            for each in measured
        ],
    )


def soak(snapshots: Iterable[Snapshot]) -> str:
    return table(
        ("samples", "private memory, MiB", "descriptors", "processes in the saved state", "objects"),
        [
            (
                f"{each.samples:,}",
                f"{each.private / _MIB:.1f}",
                str(each.descriptors),
                str(each.remembered),
                f"{each.objects:,}",
            )
            for each in snapshots
        ],
    )


def machine() -> str:
    """One line about hardware and versions."""
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

All programs measure the same idle processes in turn in the same run, in a pid namespace of their own. The
processes have {NAMES} names, and each name is a group. Figures are medians over the rounds; ratios are
medians of each round's ratio. CPU is that of one sample, per process; a scrape takes from the request to the
last byte of the answer. Absolute figures differ between machines and hours, ratios less so.

- **floor**: a C program that preads stat and status of each process through open descriptors, and parses
  nothing
- **swap-exporter**: one sample through the whole pipeline, with groups, history and verdicts; delay
  accounting is off, the default of Linux (`kernel.task_delayacct`)
- **psutil**: `process_iter` with `memory_full_info`, as most people would write it
- **process-exporter**: Debian's, with `-threads=false -gather-smaps=false` and the same `process_names`;
  CPU of one scrape

{tables["comparison"]}
The states of the host:

- quiet: no page moves to or from swap
- swapping: one process keeps pages moving, so every process' memory has to be read at each sample
- 10 % run: 10 % of the processes do a little work between two samples
- 20 % replaced: 20 % of the processes end between two samples, and others start
- quiet, all in swap: no page moves, and every process is in swap. The swap cache still has its pages, which
  can return to memory without being counted, so every process is read at each sample.

The floor reads stat and status of every process. swap-exporter can be below it: if a process has not run, it
reads neither, or only status while the host swaps.
[tracked.py](../src/swap_exporter/sampling/tracked.py) says why that is enough. It reads both files of a
process with several threads at each sample. With delay accounting on, it also queries the delays of every
group member at each sample.

## Targets
{tables["targets"]}
## CPU of a host
swap-exporter takes a sample every {Configuration().tick:.0f} s, with or without scrapes. The last column is
for a scrape every {SCRAPE_INTERVAL} s. It is calculated from the CPU of a sample and of a scrape with its
sample:

{tables["shares"]}
## Memory of the daemon
{tables["memory"]}
An open /proc file counts as {OPEN_FILE_BYTES:,} bytes of kernel memory, charged to the exporter's cgroup.

## Exposition
From the assessment of a sample to the bytes of the format that Prometheus asks for. "CPU" is when every value
is new, "CPU at rest" when none is: a metric family that has not changed is not encoded again.

{tables["expositions"]}
[sizing.md](sizing.md) counts the series of a host.

## Soak test
{PROCESSES} processes, of which {REPLACED} are replaced before each sample, measured in one process:

{tables["soak"]}"""


def _per_process(result: Result, name: str) -> str:
    return f"{result.cpu[name] / result.processes * 1e6:.1f}"
