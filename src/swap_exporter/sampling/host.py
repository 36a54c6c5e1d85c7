"""The files that speak of the whole machine, each read on its own: one that fails takes no other with it.

As in node_exporter, a file that this kernel does not have is a collector without success: who expects its
metrics is told, and turns the collector off if it should be so.
"""

from collections.abc import Callable
from typing import TypeVar

from swap_exporter.kernel import files, meminfo, pressure, swaps, vmstat
from swap_exporter.kernel.errors import KernelFileError, MalformedFile
from swap_exporter.kernel.meminfo import Meminfo
from swap_exporter.kernel.pressure import Pressure
from swap_exporter.kernel.swaps import SwapDevice
from swap_exporter.kernel.vmstat import Vmstat
from swap_exporter.sampling.sample import CollectorRun, Instant

COLLECTORS = frozenset({"meminfo", "vmstat", "pressure", "swaps"})
"""Those that can be turned off."""

Value = TypeVar("Value")


class HostReader:
    """Reads one pass's host files, and keeps how it went."""

    def __init__(self, procfs: str, collectors: frozenset[str], clock: Callable[[], Instant]) -> None:
        self._procfs = procfs
        self._collectors = collectors
        self._clock = clock
        self.runs: list[CollectorRun] = []

    def meminfo(self) -> Meminfo | None:
        return self._read("meminfo", "meminfo", meminfo.parse)

    def vmstat(self) -> Vmstat | None:
        return self._read("vmstat", "vmstat", vmstat.parse)

    def pressure(self) -> Pressure | None:
        return self._read("pressure", "pressure/memory", pressure.parse)

    def swap_devices(self) -> tuple[SwapDevice, ...] | None:
        return self._read("swaps", "swaps", swaps.parse)

    def _read(self, collector: str, file: str, parse: Callable[[bytes], Value]) -> Value | None:
        if collector not in self._collectors:
            return None
        began = self._clock().monotonic
        path = f"{self._procfs}/{file}"
        value, problem = None, None
        try:
            value = parse(files.read(path))
        except MalformedFile as error:
            problem = f"{path}: {error}"
        except KernelFileError as error:
            problem = str(error)
        self.runs.append(CollectorRun(collector, problem is None, self._clock().monotonic - began, problem))
        return value
