"""/proc/meminfo: https://docs.kernel.org/filesystems/proc.html#meminfo

::

    MemTotal:       24684092 kB
    MemAvailable:   24367952 kB
    SwapCached:            0 kB
    SwapTotal:             0 kB
    SwapFree:              0 kB
    Zswap:                 0 kB
    Zswapped:              0 kB
"""

import re
from typing import NamedTuple

from swap_exporter.kernel.errors import MalformedFile

_LINE = re.compile(
    rb"^(MemTotal|MemAvailable|SwapTotal|SwapFree|SwapCached|Zswap|Zswapped): *(.*)$", re.MULTILINE
)
_KIB = re.compile(rb"(\d{1,18}) kB")


class Meminfo(NamedTuple):
    """Bytes. ``None`` is a field that this kernel lacks."""

    mem_total: int
    mem_available: int | None
    """What can be used without swapping; kernels before 3.14 lack it."""
    swap_total: int
    swap_free: int
    swap_cached: int | None
    """In memory and in swap at once."""
    zswap: int | None
    """Memory that the pool of zswap uses; since 5.19, with CONFIG_ZSWAP."""
    zswapped: int | None
    """What is in the pool, before compression; since 5.19."""


def parse(raw: bytes) -> Meminfo:
    """Raises MalformedFile."""
    lines: dict[bytes, bytes] = dict(_LINE.findall(raw))

    def optional(name: bytes) -> int | None:
        if name not in lines:
            return None
        kib = _KIB.fullmatch(lines[name])
        if kib is None:
            raise MalformedFile(f"meminfo, {name.decode()}", "'NUMBER kB'", lines[name])
        return int(kib[1]) << 10

    def required(name: bytes) -> int:
        value = optional(name)
        if value is None:
            raise MalformedFile("meminfo", f"a line '{name.decode()}: NUMBER kB'", raw)
        return value

    return Meminfo(
        mem_total=required(b"MemTotal"),
        mem_available=optional(b"MemAvailable"),
        swap_total=required(b"SwapTotal"),
        swap_free=required(b"SwapFree"),
        swap_cached=optional(b"SwapCached"),
        zswap=optional(b"Zswap"),
        zswapped=optional(b"Zswapped"),
    )
