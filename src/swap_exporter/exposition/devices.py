"""The table of swap devices: ``swap_device_*`` and ``swap_zram_*``."""

from collections.abc import Callable

from swap_exporter.assessment import Assessment
from swap_exporter.exposition.row import Row, Values
from swap_exporter.kernel.swaps import SwapDevice
from swap_exporter.kernel.zram import Zram


def _device(value: Callable[[SwapDevice], int]) -> Values:
    return lambda assessment: (
        ((device.path, device.medium), value(device)) for device in assessment.sample.host.swap_devices or ()
    )


def _zram(value: Callable[[Zram], int]) -> Values:
    return lambda assessment: (
        ((name,), value(zram)) for name, zram in (assessment.sample.host.zram or {}).items()
    )


# fmt: off
DEVICES: tuple[Row[Assessment], ...] = (
    Row("swap_device_size_bytes", "gauge", ("device", "medium"),
        "Size of the swap device.",
        _device(lambda device: device.size_bytes)),
    Row("swap_device_used_bytes", "gauge", ("device", "medium"),
        "Used bytes of the swap device.",
        _device(lambda device: device.used_bytes)),
    Row("swap_device_priority", "gauge", ("device", "medium"),
        "Priority of the swap device: the kernel fills the device with the highest first.",
        _device(lambda device: device.priority)),
    Row("swap_zram_stored_bytes", "gauge", ("device",),
        "Uncompressed size of the pages in the zram device.",
        _zram(lambda zram: zram.stored)),
    Row("swap_zram_pool_bytes", "gauge", ("device",),
        "Memory that the zram device takes for its pages.",
        _zram(lambda zram: zram.pool)),
)
# fmt: on
