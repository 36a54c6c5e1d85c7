"""/proc/PID/cgroup: https://docs.kernel.org/admin-guide/cgroup-v2.html#processes, cgroups(7).

::

    4:memory:/system.slice/nginx.service
    1:name=systemd:/system.slice/nginx.service
    0::/system.slice/nginx.service

Hierarchy 0 is cgroup v2. A path may contain colons, and ends in `` (deleted)`` when its directory is gone.
"""

from typing import NamedTuple

from swap_exporter.kernel.errors import MalformedFile
from swap_exporter.kernel.text import decode


class Membership(NamedTuple):
    hierarchy: int
    controllers: tuple[str, ...]
    """Empty for v2; a named v1 hierarchy is ``name=...``."""
    path: str
    """Below the root of the cgroup namespace of the reader."""


def parse(raw: bytes) -> tuple[Membership, ...]:
    """In the file's order. Raises MalformedFile."""
    return tuple(_membership(line) for line in raw.split(b"\n") if line)


def _membership(line: bytes) -> Membership:
    try:
        hierarchy, controllers, path = line.split(b":", 2)
        named = tuple(decode(controllers).split(",")) if controllers else ()
        return Membership(int(hierarchy), named, decode(path))
    except ValueError:
        raise MalformedFile("cgroup", "HIERARCHY:CONTROLLERS:PATH", line) from None
