"""/proc/vmstat: proc_vmstat(5), and https://docs.kernel.org/admin-guide/mm/zswap.html for zswap's.

::

    nr_free_pages 6098318
    nr_swapcached 0
    pswpin 0
    pswpout 0

Counters since boot.
"""

import re
from typing import NamedTuple

from swap_exporter.kernel.errors import MalformedFile


class Vmstat(NamedTuple):
    """Pages. ``None`` is a field that this kernel lacks."""

    pswpin: int | None
    """Read from swap devices."""
    pswpout: int | None
    zswpin: int | None
    """Read from the pool of zswap; since 5.19."""
    zswpout: int | None
    swpin_zero: int | None
    """Zero-filled pages, which are recreated instead of read; since 6.12."""
    swpout_zero: int | None
    nr_swapcached: int | None
    """In memory and in swap at once; since 5.12. A gauge, not a counter."""


_LINE = re.compile(rf"^({'|'.join(Vmstat._fields)}) (.*)$".encode(), re.MULTILINE)


def parse(raw: bytes) -> Vmstat:
    """Raises MalformedFile."""
    if raw[-1:] != b"\n":
        raise MalformedFile("vmstat", "whole lines 'NAME NUMBER'", raw)
    counts: dict[str, int] = {}
    for name, count in _LINE.findall(raw):
        if not count.isdigit() or len(count) > 20:
            raise MalformedFile(f"vmstat, {name.decode()}", "a number", count)
        counts[name.decode()] = int(count)
    return Vmstat(*map(counts.get, Vmstat._fields))
