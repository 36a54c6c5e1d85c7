"""/proc/PID/smaps_rollup: https://docs.kernel.org/filesystems/proc.html (/proc/PID/smaps), since 4.14.

::

    55d2f2c3a000-7ffd5f7f6000 ---p 00000000 00:00 0                          [rollup]
    Rss:              105636 kB
    Swap:              62400 kB
    SwapPss:           20800 kB
    Locked:                0 kB

Needs CAP_SYS_PTRACE for other users' processes, takes milliseconds for each 100 MB and holds the process'
mmap lock meanwhile. Without an address space reading fails with ESRCH. An exec invalidates open descriptors.
"""

import re
from typing import NamedTuple

from swap_exporter.kernel.errors import MalformedFile

_SWAP_PSS = re.compile(rb"^SwapPss: *(\d{1,18}) kB$", re.MULTILINE)


class SmapsRollup(NamedTuple):
    swap_pss: int
    """Bytes of private memory in swap, each page divided by the number of processes that share it. Without
    shared memory (tmpfs, memfd, SysV)."""


def parse(raw: bytes) -> SmapsRollup:
    """Raises MalformedFile."""
    line = _SWAP_PSS.search(raw)
    if line is None:
        raise MalformedFile("smaps_rollup", "a line 'SwapPss: NUMBER kB'", raw)
    return SmapsRollup(int(line[1]) << 10)
