"""Samples: the host and all processes, read in one pass."""

from collections.abc import Callable

from swap_exporter.kernel import files, stat
from swap_exporter.kernel.errors import KernelFileError, Unreadable, Vanished
from swap_exporter.kernel.vmstat import Vmstat
from swap_exporter.sampling.collectors import Collectors
from swap_exporter.sampling.host import COLLECTORS, HostReader
from swap_exporter.sampling.processes import ProcessTable
from swap_exporter.sampling.sample import CollectorRun, Instant, Sample
from swap_exporter.sampling.tracked import swap_activity


class Scanner:
    """Takes samples, and reuses what has not changed since the last."""

    def __init__(
        self,
        procfs: str = "/proc",
        sysfs: str = "/sys",
        *,
        cgroups: bool = False,
        collectors: frozenset[str] = COLLECTORS,
        max_open_files: int = 0,
    ) -> None:
        """``cgroups``: read /proc/PID/cgroup too. ``collectors``: the enabled ones of COLLECTORS.
        ``max_open_files``: how many files of processes may stay open between samples, which makes later
        samples cheaper."""
        self._procfs = procfs
        self._sysfs = sysfs
        self._collectors = collectors
        self._processes = ProcessTable(procfs, cgroups=cgroups, max_open_files=max_open_files)
        self._vmstat: Vmstat | None = None
        """From the last pass that did not break off."""

    def scan(self, clock: Callable[[], Instant]) -> Sample:
        """One pass. Raises nothing; the sample says whether it is complete."""
        at = clock()
        collectors = Collectors(self._collectors, clock)
        host = HostReader(self._procfs, self._sysfs, collectors)
        # Before the processes: swap activity during the pass then shows at the next sample.
        vmstat = host.vmstat()
        began = clock().monotonic
        read = self._processes.read(at.monotonic, swap_activity(self._vmstat, vmstat))
        complete = read.problem is None
        if complete:
            self._vmstat = vmstat
        run = CollectorRun("processes", complete, clock().monotonic - began, read.problem)
        return Sample(
            at=at,
            processes=read.processes,
            vanished=read.vanished,
            denied=len(read.denied),
            host=host.read(vmstat),
            collectors=(run, *collectors.runs),
            complete=complete,
            # Either refused, or missing from the directory, where process 1 always exists.
            hides_processes=bool(read.denied) or 1 not in read.processes,
        )

    def close(self) -> None:
        """Close all open files."""
        self._processes.close()


def check_procfs(path: str) -> None:
    """Raises KernelFileError, whose text is one line for people, unless ``path`` shows a process."""
    try:
        pids = files.list_numbers(path)
    except Vanished:
        raise Unreadable(path, "not a proc file system: no such directory") from None
    for pid in pids:
        try:
            stat.parse(files.read(f"{path}/{pid}/stat"))
        except KernelFileError:
            continue
        return
    raise Unreadable(path, "not a proc file system: it has no readable PID/stat")
