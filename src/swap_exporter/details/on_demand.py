"""The closer look for a person who waits for it: at once, where the daemon has a budget."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from swap_exporter.details.details import Details, DetailsReader
from swap_exporter.details.proportional import ProportionalReader, read_pss
from swap_exporter.details.swap_pss_scheduler import ProportionalSwap
from swap_exporter.kernel.errors import KernelFileError
from swap_exporter.sampling.sample import Instant, Process, Sample
from swap_exporter.settings import Proportional

Track = Callable[[Iterator[Process], int], Iterable[Process]]
"""Passes on the processes one by one, and may show progress; it is given their number."""


class OnDemandReader(DetailsReader):
    """Reads SwapPss of all processes at once, and the delays of those in no group too."""

    def __init__(
        self,
        procfs: str,
        cgroupfs: str,
        settings: Proportional,
        clock: Callable[[], Instant],
        collectors: frozenset[str],
        track: Track,
    ) -> None:
        super().__init__(
            procfs, cgroupfs, settings, clock, collectors, proportional=_AtOnce(settings, procfs, track)
        )

    def read(
        self,
        sample: Sample,
        grouped: Iterable[Process],
        in_swap: Iterable[Process],
        cgroups: Iterable[tuple[str, ...]],
        threaded_workers: Iterable[Process] = (),
    ) -> Details:
        return super().read(sample, sample.processes.values(), in_swap, cgroups, threaded_workers)


class _AtOnce(ProportionalReader):
    """Reads nothing at the first sample, which is for rates alone, and everything at those that follow."""

    def __init__(self, settings: Proportional, procfs: str, track: Track) -> None:
        super().__init__(replace(settings, share_of_time=1.0), procfs)
        self._track = track
        self._first = True

    def observe(self, processes: Iterable[Process], wanted: Iterable[Process], at: float) -> ProportionalSwap:
        found = self._scheduler.observe(processes, wanted, at)
        if self._first:
            self._first = False
            return found
        for process in self._track(self._due(), found.coverage.waiting):
            try:
                reading = read_pss(self._procfs, process)
            except KernelFileError:
                reading = None
            self._scheduler.attempted(process, reading, at, at)
        return self._scheduler.observe(processes, wanted, at)

    def _due(self) -> Iterator[Process]:
        while (due := self._scheduler.next()) is not None:
            yield due[0]
