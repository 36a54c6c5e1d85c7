"""How many files of processes may stay open from one sample to the next.

Each takes a descriptor, and kernel memory that is charged to the cgroup of whoever opened it: without a look
at the limit of that the exporter would be killed on hosts with many processes.
"""

import resource
import sys

from swap_exporter.kernel import cgroup, files
from swap_exporter.kernel.errors import KernelFileError
from swap_exporter.sampling.cgroups import CgroupReader
from swap_exporter.sampling.tracked import HELD_BYTES

MOST_BYTES = 128 << 20
"""However much there is: some 25,000 files."""


def raise_descriptor_limit() -> None:
    """To the hard limit: the soft one is kept low for programs that use select(2), of which this is none."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # a filter of system calls forbids it
        return


def affordable(procfs: str, cgroupfs: str) -> int:
    """Files: two thirds of what this process may have open, for connections take up to a quarter, and half of
    what its cgroup has room for."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        descriptors = sys.maxsize
    room = _room(procfs, cgroupfs)
    memory = MOST_BYTES if room is None else min(MOST_BYTES, room // 2)
    return min(2 * descriptors // 3, memory // HELD_BYTES)


def _room(procfs: str, cgroupfs: str) -> int | None:
    """Bytes that the cgroups of this process may still take; ``None`` where nothing limits them."""
    try:
        own = tuple(entry.path for entry in cgroup.parse(files.read(f"{procfs}/self/cgroup")))
        return CgroupReader(cgroupfs, procfs).read([own]).headroom[own]
    except KernelFileError:
        return None
