"""/proc/sysvipc/shm: proc_sysvipc_shm(5).

::

       key      shmid perms       size  cpid  lpid nattch   uid   gid  cuid  cgid ...        rss       swap
         0          3   600   41943040  4711  4711      0     0     0     0     0 ...          0   41943040

Sizes are bytes. It shows the segments of the reader's IPC namespace, in any /proc.
"""

from typing import NamedTuple

from swap_exporter.kernel.errors import MalformedFile


class SharedMemory(NamedTuple):
    swap: int | None
    """Bytes of all segments in swap, attached or not; ``None`` on kernels without this column."""


def parse(raw: bytes) -> SharedMemory:
    """Raises MalformedFile."""
    header, *lines = raw.split(b"\n")
    columns = header.split()
    if b"shmid" not in columns or lines[-1:] != [b""]:
        raise MalformedFile("sysvipc/shm", "a header 'key shmid perms size ...'", raw)
    if b"swap" not in columns:
        return SharedMemory(None)
    swap = columns.index(b"swap")
    return SharedMemory(sum(_number(line, swap) for line in lines[:-1]))


def _number(line: bytes, column: int) -> int:
    try:
        return int(line.split()[column])
    except (ValueError, IndexError):
        raise MalformedFile("sysvipc/shm", f"a number in column {column + 1}", line) from None
