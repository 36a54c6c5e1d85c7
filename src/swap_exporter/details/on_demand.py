"""What the daemon reads bit by bit within a budget, read at once for a person who waits for it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from swap_exporter.details.delays import DelayReader
from swap_exporter.details.proportional import read_pss
from swap_exporter.details.swap_pss_scheduler import SwapPssScheduler
from swap_exporter.kernel.errors import KernelFileError
from swap_exporter.sampling.sample import Identity, Process, Sample
from swap_exporter.settings import Proportional

Track = Callable[[Iterator[Process], int], Iterable[Process]]
"""Yields the given number of processes one by one, and may show the progress."""


def proportional_swap(
    procfs: str, sample: Sample, settings: Proportional, track: Track
) -> Mapping[Identity, int]:
    """SwapPss in bytes, where it can be read. Only the size limit of ``settings`` applies."""
    at = sample.at.monotonic
    processes = [each for each in sample.processes.values() if not each.kernel_thread and not each.ended]
    scheduler = SwapPssScheduler(replace(settings, share_of_time=1.0))
    number = scheduler.observe(processes, processes, at).coverage.waiting
    for process in track(_due(scheduler), number):
        try:
            reading = read_pss(procfs, process)
        except KernelFileError:
            reading = None
        scheduler.attempted(process, reading, at, at)
    return {each.identity: 0 for each in processes if each.swap == 0} | dict(
        scheduler.observe(processes, processes, at).known
    )


def _due(scheduler: SwapPssScheduler) -> Iterator[Process]:
    while (due := scheduler.next()) is not None:
        yield due[0]


def swapin_pages(reader: DelayReader, sample: Sample) -> Mapping[Identity, int]:
    """Pages read from swap so far for the faults of each measured process."""
    try:
        delays = reader.read(sample, sample.processes.values())
    except KernelFileError:
        return {}
    return {identity: each.swapin_pages for identity, each in delays.items()}
