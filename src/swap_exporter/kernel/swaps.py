"""/proc/swaps: proc_swaps(5).

::

    Filename                Type        Size        Used        Priority
    /dev/zram0              partition   4194300     1024        100
    /var/swap\\040file      file        1048572     0           -2

Sizes are kB. Names are escaped: see :func:`~swap_exporter.kernel.text.decode_path`.
"""

import os.path
from typing import Literal, NamedTuple

from swap_exporter.kernel.errors import MalformedFile
from swap_exporter.kernel.text import decode_path

Medium = Literal["file", "partition", "zram"]


class SwapDevice(NamedTuple):
    path: str
    medium: Medium
    size_bytes: int
    used_bytes: int
    priority: int
    """The highest is used first; below 0 if the kernel chose it."""


def parse(raw: bytes) -> tuple[SwapDevice, ...]:
    """In the file's order; ``()`` for a host with no swap. Raises MalformedFile."""
    header, *lines = raw.split(b"\n")
    if not header.startswith(b"Filename") or lines[-1:] != [b""]:
        raise MalformedFile("swaps", "a header 'Filename Type Size Used Priority'", raw)
    return tuple(map(_device, lines[:-1]))


def _device(line: bytes) -> SwapDevice:
    try:
        name, kind, size, used, priority = line.rsplit(None, 4)
        path = decode_path(name)
        return SwapDevice(path, _medium(path, kind), int(size) << 10, int(used) << 10, int(priority))
    except ValueError:
        raise MalformedFile("swaps", "NAME file|partition SIZE USED PRIORITY", line) from None


def _medium(path: str, kind: bytes) -> Medium:
    if kind == b"file":
        return "file"
    if kind == b"partition":
        return "zram" if os.path.basename(path).startswith("zram") else "partition"
    raise ValueError(kind)
