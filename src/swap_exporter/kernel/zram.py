"""/sys/block/zramN/mm_stat: https://docs.kernel.org/admin-guide/blockdev/zram.html#stats, since 4.1.

::

    4096       74    12288        0    12288        0        0        0        0

Bytes: orig_data_size, compr_data_size, mem_used_total, ...; all 0 for a device that is not set up.
"""

from typing import NamedTuple

from swap_exporter.kernel import files
from swap_exporter.kernel.errors import KernelFileError, MalformedFile


class Zram(NamedTuple):
    stored: int
    """orig_data_size: bytes of the stored pages, before compression."""
    pool: int
    """mem_used_total: bytes of memory that the device uses for them."""


def parse(raw: bytes) -> Zram:
    """Raises MalformedFile."""
    try:
        stored, _, pool, *_ = map(int, raw.split())
    except ValueError:
        raise MalformedFile("mm_stat", "three numbers or more", raw) from None
    return Zram(stored, pool)


def devices(sysfs: str) -> dict[str, Zram]:
    """Devices by name, in order, without those whose mm_stat is not readable.

    Raises KernelFileError where there is no list of block devices.
    """
    found = {}
    for name in sorted(files.list_directory(f"{sysfs}/block")):
        if name.startswith("zram"):
            try:
                found[name] = parse(files.read(f"{sysfs}/block/{name}/mm_stat"))
            except KernelFileError:
                continue
    return found
