"""/proc/PID/mountinfo: proc_pid_mountinfo(5).

::

    35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
    mount, parent, device, root, mount point, options, optional fields, -, type, source, super options

Spaces, tabs, newlines and backslashes of a path are three octal digits behind a backslash.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from swap_exporter.kernel.errors import MalformedFile
from swap_exporter.kernel.text import decode

_ESCAPE = re.compile(rb"\\([0-3][0-7]{2})")


class Mount(NamedTuple):
    root: str
    """Which directory of the file system is shown; of cgroups, below the root of the cgroup namespace, with
    ``/..`` for each step above it."""
    path: str
    """Where."""
    kind: str
    """``cgroup2``, ``cgroup`` for v1, ``ext4``..."""
    super_options: tuple[str, ...]
    """Of v1 the controllers are among them."""


@lru_cache(maxsize=1)  # It is read at each sample, and hardly ever another.
def parse(raw: bytes) -> tuple[Mount, ...]:
    """In the file's order: a later mount hides an earlier one at the same path. Raises MalformedFile."""
    return tuple(_mount(line) for line in raw.split(b"\n") if line)


def _mount(line: bytes) -> Mount:
    try:
        where, _, what = line.partition(b" - ")
        _, _, _, root, path, *_ = where.split(b" ")
        kind, _, super_options = what.split(b" ", 2)
        return Mount(_path(root), _path(path), decode(kind), tuple(decode(super_options).split(",")))
    except ValueError:
        raise MalformedFile(
            "mountinfo", "ID PARENT DEVICE ROOT PATH ... - TYPE SOURCE OPTIONS", line
        ) from None


def _path(escaped: bytes) -> str:
    return decode(_ESCAPE.sub(lambda digits: bytes((int(digits[1], 8),)), escaped))
