"""The files that speak of the whole machine."""

from collections.abc import Callable
from typing import TypeVar

from swap_exporter.kernel import files, meminfo, pressure, swaps, sysvipc, vmstat, zram
from swap_exporter.kernel.errors import MalformedFile, Unavailable, Unreadable, Vanished
from swap_exporter.kernel.meminfo import Meminfo
from swap_exporter.kernel.pressure import Pressure
from swap_exporter.kernel.swaps import SwapDevice
from swap_exporter.kernel.vmstat import Vmstat
from swap_exporter.kernel.zram import Zram
from swap_exporter.sampling.collectors import Collectors

COLLECTORS = frozenset({"meminfo", "vmstat", "pressure", "swaps", "sysvipc", "zram"})
"""Those that can be turned off."""

Value = TypeVar("Value")


class HostReader:
    """Reads one pass's host files."""

    def __init__(self, procfs: str, sysfs: str, collectors: Collectors) -> None:
        self._procfs = procfs
        self._sysfs = sysfs
        self._collectors = collectors

    def meminfo(self) -> Meminfo | None:
        return self._read("meminfo", "meminfo", meminfo.parse)

    def vmstat(self) -> Vmstat | None:
        return self._read("vmstat", "vmstat", vmstat.parse)

    def pressure(self) -> Pressure | None:
        remedy = "boot with psi=1, on a kernel with CONFIG_PSI"
        return self._read("pressure", "pressure/memory", pressure.parse, optional=True, remedy=remedy)

    def swap_devices(self) -> tuple[SwapDevice, ...] | None:
        return self._read("swaps", "swaps", swaps.parse, optional=True)

    def sysv_shm_swap(self) -> int | None:
        segments = self._read("sysvipc", "sysvipc/shm", sysvipc.parse, optional=True)
        return None if segments is None else segments.swap

    def zram(self) -> dict[str, Zram] | None:
        return self._collectors.run("zram", lambda: zram.devices(self._sysfs), optional=True)

    def _read(
        self,
        collector: str,
        file: str,
        parse: Callable[[bytes], Value],
        *,
        optional: bool = False,
        remedy: str = "",
    ) -> Value | None:
        """``remedy``: what helps where there is no such file."""
        path = f"{self._procfs}/{file}"

        def read() -> Value:
            try:
                return parse(files.read(path))
            except MalformedFile as error:
                raise Unreadable(path, str(error)) from None
            except (Vanished, Unavailable) as error:
                if not remedy:
                    raise
                raise Unavailable(f"{error}: {remedy}") from None

        return self._collectors.run(collector, read, optional=optional)
