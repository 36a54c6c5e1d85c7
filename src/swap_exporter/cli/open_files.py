"""How many files of processes may stay open from one sample to the next.

Each needs a descriptor, and kernel memory that is charged to the exporter's cgroup. If the exporter ignored
the limit of that cgroup, it would be killed on hosts with many processes.
"""

import resource
import sys

from swap_exporter.details.cgroups import CgroupReader
from swap_exporter.kernel import cgroup, files
from swap_exporter.kernel.errors import KernelFileError
from swap_exporter.sampling.tracked import OPEN_FILE_BYTES

MOST_BYTES = 128 << 20
"""The upper bound on any host: about 25,000 files."""


def raise_descriptor_limit() -> None:
    """Raise the soft limit to the hard one. It is low only for programs that use select(2)."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # a seccomp filter forbids it
        return


def open_file_budget(procfs: str, cgroupfs: str) -> int:
    """Number of files: up to two thirds of the descriptors, because connections need up to a quarter, and up
    to half of the memory that the cgroup has left."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        descriptors = sys.maxsize
    headroom = _headroom(procfs, cgroupfs)
    memory = MOST_BYTES if headroom is None else min(MOST_BYTES, headroom // 2)
    return min(2 * descriptors // 3, memory // OPEN_FILE_BYTES)


def _headroom(procfs: str, cgroupfs: str) -> int | None:
    """Bytes that this process' cgroups may still use; ``None`` without a limit."""
    try:
        own = tuple(entry.path for entry in cgroup.parse(files.read(f"{procfs}/self/cgroup")))
        return CgroupReader(cgroupfs, procfs).read([own]).headroom[own]
    except KernelFileError:
        return None
