"""/proc/PID/mountinfo: proc_pid_mountinfo(5).

::

    35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
    mount, parent, device, root, mount point, options, optional fields, -, type, source, super options

Paths are escaped: see :func:`~swap_exporter.kernel.text.decode_path`.
"""

from functools import lru_cache
from typing import NamedTuple

from swap_exporter.kernel.errors import MalformedFile
from swap_exporter.kernel.text import decode, decode_path


class Mount(NamedTuple):
    root: str
    """The directory of the file system that is mounted; for cgroups relative to the root of the cgroup
    namespace, with ``/..`` for each step above it."""
    path: str
    """The mount point."""
    kind: str
    """``cgroup2``, ``cgroup`` for v1, ``ext4``..."""
    super_options: tuple[str, ...]
    """For v1 they include the controllers."""


@lru_cache(maxsize=1)  # Read at each sample, and hardly ever changed.
def parse(raw: bytes) -> tuple[Mount, ...]:
    """In the file's order: a later mount hides an earlier one at the same path. Raises MalformedFile."""
    return tuple(_mount(line) for line in raw.split(b"\n") if line)


def _mount(line: bytes) -> Mount:
    try:
        where, _, what = line.partition(b" - ")
        _, _, _, root, path, *_ = where.split(b" ")
        kind, _, super_options = what.split(b" ", 2)
        options = tuple(decode(super_options).split(","))
        return Mount(decode_path(root), decode_path(path), decode(kind), options)
    except ValueError:
        raise MalformedFile(
            "mountinfo", "ID PARENT DEVICE ROOT PATH ... - TYPE SOURCE OPTIONS", line
        ) from None
