"""The closer look at one sample: what needs privileges, is expensive, or depends on the groups."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from swap_exporter.details import thread_clocks
from swap_exporter.details.cgroups import CgroupReader, Cgroups, Paths
from swap_exporter.details.delays import DelayReader
from swap_exporter.details.proportional import ProportionalReader
from swap_exporter.details.swap_pss_scheduler import Coverage
from swap_exporter.kernel.taskstats import TaskDelays
from swap_exporter.sampling.collectors import Collectors
from swap_exporter.sampling.sample import CollectorRun, CpuClock, Identity, Instant, Process, Sample
from swap_exporter.settings import Proportional

COLLECTORS = frozenset({"cgroup", "proportional", "taskstats"})
"""The ones that can be turned off."""


@dataclass(frozen=True, slots=True)
class Details:
    """What the closer look at one sample found. A part is ``None`` where it is unavailable or turned off."""

    proportional_swap: Mapping[Identity, int] = field(default_factory=dict)
    """SwapPss in bytes, of the processes that have any swap and whose SwapPss is known."""
    coverage: Coverage | None = None
    """Progress of reading SwapPss."""
    delays: Mapping[Identity, TaskDelays] | None = None
    """Of the members that delay accounting measures."""
    cgroups: Cgroups | None = None
    """The memory cgroups of the members."""
    collectors: tuple[CollectorRun, ...] = ()
    thread_clocks: Mapping[Identity, CpuClock] = field(default_factory=dict)
    """CPU time of the workers with several threads."""

    def share(self, process: Process) -> int | None:
        """SwapPss of one process in bytes, where it is known."""
        if process.swap == 0 and self.coverage is not None:
            return 0
        return self.proportional_swap.get(process.identity)


class DetailsReader:
    """Reads the details of one sample after the other."""

    def __init__(
        self,
        procfs: str,
        cgroupfs: str,
        settings: Proportional,
        clock: Callable[[], Instant],
        collectors: frozenset[str] = COLLECTORS,
        *,
        proportional: ProportionalReader | None = None,
    ) -> None:
        """``proportional``: reads SwapPss in place of the daemon's reader."""
        self._procfs = procfs
        self._clock = clock
        self._collectors = collectors
        self._proportional = proportional or ProportionalReader(settings, procfs, lambda: clock().monotonic)
        self._delays = DelayReader(procfs)
        self._cgroups = CgroupReader(cgroupfs, procfs)

    def configure(self, settings: Proportional) -> None:
        """Use other settings from the next sample on."""
        self._proportional.configure(settings)

    def read(
        self,
        sample: Sample,
        grouped: Iterable[Process],
        in_swap: Iterable[Process],
        cgroups: Iterable[Paths],
        threaded_workers: Iterable[Process] = (),
    ) -> Details:
        """Read the details of one sample. Raises nothing.

        ``grouped``: the processes that are in a group; ``cgroups``: their cgroups. ``in_swap``: the processes
        that may have anything in swap, the most important first. ``threaded_workers``: workers with several
        threads.
        """
        collectors = Collectors(self._collectors, self._clock)
        processes, at = sample.processes.values(), sample.at.monotonic
        proportional = collectors.run(
            "proportional", lambda: self._proportional.observe(processes, in_swap, at)
        )
        return Details(
            proportional_swap={} if proportional is None else proportional.known,
            coverage=None if proportional is None else proportional.coverage,
            delays=collectors.run("taskstats", lambda: self._delays.read(sample, grouped), optional=True),
            cgroups=collectors.run("cgroup", lambda: self._cgroups.read(cgroups), optional=True),
            collectors=tuple(collectors.runs),
            thread_clocks=thread_clocks.read(self._procfs, threaded_workers),
        )

    def stop(self) -> None:
        """Stop reading in the background."""
        self._proportional.stop()
