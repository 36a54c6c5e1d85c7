"""/proc/PID/stat: https://docs.kernel.org/filesystems/proc.html#id10 (table 1-4), proc_pid_stat(5).

::

    14710 (cat) R 14620 14620 10224 0 -1 4194304 98 0 0 0 2 1 0 0 20 0 1 0 122539 3133440 414 ...
     1     2    3   4                     9      10    12  14 15 16 17    20   22     23     24

The name in parentheses is raw: it may contain parentheses, newlines and any other byte, so only the last
``)`` ends it. The numbers after it contain none.
"""

from typing import NamedTuple

from swap_exporter.kernel.errors import MalformedFile
from swap_exporter.kernel.text import decode

_PF_KTHREAD = 0x00200000
_LAST_NEEDED = 47 - 3
_MOST_DIGITS = 20
"""The digits of a 64-bit number."""


class Stat(NamedTuple):
    """Ticks are clock ticks, sysconf(_SC_CLK_TCK) a second; pages have sysconf(_SC_PAGESIZE) bytes."""

    pid: int
    comm: str
    """Field 2 without the parentheses."""
    state: str
    """Field 3, one letter."""
    parent_pid: int
    """Field 4."""
    kernel_thread: bool
    """PF_KTHREAD in field 9."""
    major_faults: int
    """Field 12, of all threads, ended ones included."""
    cpu_ticks: int
    """Fields 14 + 15: utime + stime of all threads, ended ones included."""
    user_ticks: int
    """Field 14, utime alone."""
    children_cpu_ticks: int
    """Fields 16 + 17: cutime + cstime of the children that were waited for."""
    threads: int
    """Field 20, a leader that has exited included."""
    start_ticks: int
    """Field 22: after boot."""
    virtual_bytes: int
    """Field 23: the size of the address space."""
    resident_pages: int
    """Field 24."""
    layout: tuple[int, int, int] | None
    """Fields 26, 28, 47: startcode, startstack, start_brk; ``None`` where the kernel hides them: without
    CAP_SYS_PTRACE startcode reads 1, and without an address space 0."""
    caught_signals: int = 0
    """Field 34: bit N-1 is set if the process has a handler for signal N, up to 31. Readable by all."""


def parse(raw: bytes) -> Stat:
    """Raises MalformedFile."""
    opening = raw.find(b" (")
    closing = raw.rfind(b") ")
    if opening < 0 or closing < opening + 2 or raw[-1:] != b"\n":
        raise _malformed(raw)
    fields = raw[closing + 2 :].split(None, _LAST_NEEDED + 1)
    if len(max(fields[:-1], key=len, default=b"")) > _MOST_DIGITS:
        raise _malformed(raw)
    try:
        start_code = int(fields[23])
        return Stat(
            int(raw[:opening]),
            decode(raw[opening + 2 : closing]),
            fields[0].decode("ascii"),
            int(fields[1]),
            int(fields[6]) & _PF_KTHREAD != 0,
            int(fields[9]),
            (user := int(fields[11])) + int(fields[12]),
            user,
            int(fields[13]) + int(fields[14]),
            int(fields[17]),
            int(fields[19]),
            int(fields[20]),
            int(fields[21]),
            (start_code, int(fields[25]), int(fields[_LAST_NEEDED])) if start_code > 1 else None,
            int(fields[31]),
        )
    except (ValueError, IndexError):
        raise _malformed(raw) from None


def _malformed(raw: bytes) -> MalformedFile:
    return MalformedFile("stat", "'PID (comm) STATE PPID ...' with 47 fields or more", raw)
