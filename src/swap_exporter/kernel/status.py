"""/proc/PID/status: https://docs.kernel.org/filesystems/proc.html (table 1-2), proc_pid_status(5).

::

    Name:\tcat
    Uid:\t0\t0\t0\t0
    VmRSS:\t    1692 kB
    RssAnon:\t     116 kB
    VmSwap:\t       0 kB
    voluntary_ctxt_switches:\t0
    nonvoluntary_ctxt_switches:\t0

The name's newlines are escaped, so that no line can be forged. The Vm and Rss lines are missing where there
is no address space: kernel threads, zombies, a process near its end, a leader that exited before its threads.
"""

from typing import NamedTuple

from swap_exporter.kernel.errors import MalformedFile

_VOLUNTARY = b"\nvoluntary_ctxt_switches:"
_LIMIT = 1 << 64
"""Sizes have up to 64 bits."""


class Status(NamedTuple):
    effective_uid: int | None
    """Uid, the second number."""
    swap: int | None
    """VmSwap in bytes; ``None`` where there is no address space."""
    resident: int | None
    """VmRSS in bytes."""
    resident_anonymous: int | None
    """RssAnon in bytes; kernels before 4.5 lack it."""
    switches: bytes | None
    """The main thread's lines of context switches, only for comparison: if they are equal, it did not run."""
    voluntary_switches: int | None
    """How often the main thread has waited; ``None`` where the kernel does not count it."""


def parse(raw: bytes) -> Status:
    """Raises MalformedFile."""
    uid = raw.find(b"\nUid:\t")
    if uid < 0 or raw[-1:] != b"\n":
        raise MalformedFile("status", "lines 'Name: value' with Uid among them", raw)
    try:
        effective_uid = int(raw[uid + 6 : raw.find(b"\n", uid + 6)].split(b"\t")[1])
    except (ValueError, IndexError):
        raise MalformedFile("status, Uid", "four numbers", raw[uid + 1 :]) from None
    switches = raw.rfind(_VOLUNTARY)
    return Status(
        effective_uid,
        _bytes_of(raw, b"\nVmSwap:", uid),
        _bytes_of(raw, b"\nVmRSS:", uid),
        _bytes_of(raw, b"\nRssAnon:", uid),
        raw[switches:] if switches >= 0 else None,
        _number_after(raw, switches + len(_VOLUNTARY)) if switches >= 0 else None,
    )


def up_to_swap(raw: bytes) -> bytes:
    """The file up to the end of the line VmSwap: owner and sizes. Empty without that line."""
    return raw[: raw.find(b"\n", raw.find(b"\nVmSwap:") + 1) + 1] if b"\nVmSwap:" in raw else b""


def _number_after(raw: bytes, position: int) -> int:
    try:
        return int(raw[position : raw.index(b"\n", position)])
    except ValueError:
        raise MalformedFile("status, voluntary_ctxt_switches", "a number", raw[position:]) from None


def _bytes_of(raw: bytes, name: bytes, after: int) -> int | None:
    line = raw.find(name, after)
    if line < 0:
        return None
    line += len(name)
    try:
        size = int(raw[line : raw.index(b" kB\n", line)]) << 10
        if 0 <= size < _LIMIT:
            return size
    except ValueError:
        pass
    raise MalformedFile(f"status,{name.decode()[1:-1]}", "'NUMBER kB'", raw[line:])
