"""/proc/stat: https://docs.kernel.org/filesystems/proc.html#miscellaneous-kernel-statistics-in-proc-stat

::

    cpu  2255 34 2290 22625563 6290 127 456 0 0 0
    btime 1062191376
    processes 2915
    procs_running 1
"""

from swap_exporter.kernel.errors import MalformedFile

_FORKS = b"\nprocesses "
_BOOT_TIME = b"\nbtime "


def parse_forks(raw: bytes) -> int:
    """Processes and threads that were started since boot, in all pid namespaces. Raises MalformedFile."""
    return _number(raw, _FORKS)


def parse_boot_time(raw: bytes) -> int:
    """Unix time in seconds at which the host was booted. Raises MalformedFile."""
    return _number(raw, _BOOT_TIME)


def _number(raw: bytes, name: bytes) -> int:
    start = raw.find(name) + len(name)
    digits = raw[start : raw.find(b"\n", start)]
    if start < len(name) or not digits.isdigit() or len(digits) > 20:
        word = name.decode().strip()
        raise MalformedFile(f"stat, {word}", f"'{word} NUMBER'", raw[start:] if digits else raw)
    return int(digits)
