"""Samples: the host and all processes, read in one pass."""

from collections.abc import Callable

from swap_exporter.kernel import files, stat
from swap_exporter.kernel.errors import KernelFileError, Unreadable, Vanished
from swap_exporter.kernel.vmstat import Vmstat
from swap_exporter.sampling.collectors import Collectors
from swap_exporter.sampling.host import COLLECTORS, HostReader
from swap_exporter.sampling.processes import ProcessTable
from swap_exporter.sampling.sample import CollectorRun, Instant, Sample
from swap_exporter.sampling.tracked import moved_between


class Scanner:
    """Takes samples, and remembers from the last what need not be read again."""

    def __init__(
        self,
        procfs: str = "/proc",
        sysfs: str = "/sys",
        *,
        cgroups: bool = False,
        collectors: frozenset[str] = COLLECTORS,
        most_held: int = 0,
    ) -> None:
        """``cgroups``: read /proc/PID/cgroup too. ``collectors``: which of COLLECTORS are on. ``most_held``:
        so many files of processes stay open between samples, which pays where there are many."""
        self._procfs = procfs
        self._sysfs = sysfs
        self._collectors = collectors
        self._processes = ProcessTable(procfs, cgroups=cgroups, most_held=most_held)
        self._vmstat: Vmstat | None = None
        """Of the last pass that did not break off."""

    def scan(self, clock: Callable[[], Instant]) -> Sample:
        """One pass. Raises nothing; the sample says whether it is complete."""
        at = clock()
        collectors = Collectors(self._collectors, clock)
        host = HostReader(self._procfs, self._sysfs, collectors)
        # Before the processes: what moves meanwhile is a difference to the next sample, and never missed.
        vmstat = host.vmstat()
        began = clock().monotonic
        read = self._processes.read(at.monotonic, moved_between(self._vmstat, vmstat))
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
            # Refused, or left out of the directory, in which process 1 is the one that always is.
            hides_processes=bool(read.denied) or 1 not in read.processes,
        )

    def close(self) -> None:
        """Close what is held open."""
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
