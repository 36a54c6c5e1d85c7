"""What one pass reads about the whole machine, and from which files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from swap_exporter.kernel import files, meminfo, pressure, swaps, sysvipc, vmstat, zram
from swap_exporter.kernel.errors import MalformedFile, Unavailable, Unreadable, Vanished
from swap_exporter.kernel.meminfo import Meminfo
from swap_exporter.kernel.pressure import Pressure
from swap_exporter.kernel.swaps import SwapDevice
from swap_exporter.kernel.vmstat import Vmstat
from swap_exporter.kernel.zram import Zram

if TYPE_CHECKING:  # it imports the sample, which has a Host
    from swap_exporter.sampling.collectors import Collectors

COLLECTORS = frozenset({"meminfo", "vmstat", "pressure", "swaps", "sysvipc", "zram"})
"""Names of the collectors that can be disabled."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Host:
    """The whole machine; a part is ``None`` if its file is missing, unreadable or disabled."""

    meminfo: Meminfo | None
    vmstat: Vmstat | None
    pressure: Pressure | None
    swap_devices: tuple[SwapDevice, ...] | None
    sysv_shm_swap: int | None = None
    """Bytes of System V shared memory in swap."""
    zram: Mapping[str, Zram] | None = None
    """By device (zram0, …); empty without zram."""


class HostReader:
    """Reads one pass's host files."""

    def __init__(self, procfs: str, sysfs: str, collectors: "Collectors") -> None:
        self._procfs = procfs
        self._sysfs = sysfs
        self._collectors = collectors

    def vmstat(self) -> Vmstat | None:
        return self._read("vmstat", "vmstat", vmstat.parse)

    def read(self, vmstat: Vmstat | None) -> Host:
        """Read all but ``vmstat``, which is read before the processes."""
        return Host(
            meminfo=self._read("meminfo", "meminfo", meminfo.parse),
            vmstat=vmstat,
            pressure=self._read(
                "pressure",
                "pressure/memory",
                pressure.parse,
                optional=True,
                remedy="boot with psi=1, on a kernel with CONFIG_PSI",
            ),
            swap_devices=self._read("swaps", "swaps", swaps.parse, optional=True),
            sysv_shm_swap=self._sysv_shm_swap(),
            zram=self._collectors.run("zram", lambda: zram.devices(self._sysfs), optional=True),
        )

    def _sysv_shm_swap(self) -> int | None:
        segments = self._read("sysvipc", "sysvipc/shm", sysvipc.parse, optional=True)
        return None if segments is None else segments.swap

    def _read(
        self,
        collector: str,
        file: str,
        parse: Callable[[bytes], Value],
        *,
        optional: bool = False,
        remedy: str = "",
    ) -> Value | None:
        """``remedy``: what to do if the file is missing."""
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
