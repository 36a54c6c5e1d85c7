"""/proc/stat: https://docs.kernel.org/filesystems/proc.html#miscellaneous-kernel-statistics-in-proc-stat

::

    cpu  2255 34 2290 22625563 6290 127 456 0 0 0
    btime 1062191376
    processes 2915
    procs_running 1

psutil reads btime and the CPU times, but not the count of processes.
"""

from swap_exporter.kernel.errors import MalformedFile

_FORKS = b"\nprocesses "


def parse_forks(raw: bytes) -> int:
    """Processes and threads that were started since boot, in all pid namespaces. Raises MalformedFile."""
    start = raw.find(_FORKS) + len(_FORKS)
    digits = raw[start : raw.find(b"\n", start)]
    if start < len(_FORKS) or not digits.isdigit() or len(digits) > 20:
        raise MalformedFile("stat, processes", "'processes NUMBER'", raw[start:] if digits else raw)
    return int(digits)
