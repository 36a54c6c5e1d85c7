"""Files of one memory cgroup: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files, and
https://docs.kernel.org/admin-guide/cgroup-v1/memory.html

::

    memory.current, memory.swap.current     104857600                      (v1: memory.usage_in_bytes)
    memory.max, memory.swap.max             max                            (v1: memory.limit_in_bytes)
    memory.stat                             inactive_file 8192             (v1: total_inactive_file)
    memory.swap.events                      high 0, max 0, fail 0, a line each

Sizes are bytes. The root cgroup has memory.stat only. memory.pressure is read as
:mod:`swap_exporter.kernel.pressure`.
"""

import re
from typing import NamedTuple

from swap_exporter.kernel.errors import MalformedFile

_V1_UNLIMITED = 1 << 62
"""For "no limit" v1 writes the largest multiple of the page size, which is above this."""
_LINE = re.compile(rb"^(inactive_file|total_inactive_file|pswpin|pswpout) (.*)$", re.MULTILINE)
_EVENT = re.compile(rb"([a-z_]{1,40}) (\d{1,20})")


class Stat(NamedTuple):
    """``None`` is a field that this kernel lacks."""

    inactive_file: int | None
    """Bytes of file pages that are reclaimed first, including those of the cgroups below."""
    pswpin: int | None
    """Pages read from swap devices; since 6.13, in v2."""
    pswpout: int | None


def parse_size(file: str, raw: bytes) -> int:
    """Bytes in ``file``. Raises MalformedFile."""
    digits = raw.strip()
    if not digits.isdigit() or len(digits) > 20:
        raise MalformedFile(file, "a number of bytes", raw)
    return int(digits)


def parse_limit(file: str, raw: bytes) -> int | None:
    """Bytes in ``file`` of either version; ``None`` for no limit. Raises MalformedFile."""
    if raw.strip() == b"max":
        return None
    limit = parse_size(file, raw)
    return None if limit > _V1_UNLIMITED else limit


def parse_stat(raw: bytes) -> Stat:
    """memory.stat of either version. Raises MalformedFile."""
    if raw[-1:] != b"\n":
        raise MalformedFile("memory.stat", "whole lines 'NAME NUMBER'", raw)
    numbers: dict[bytes, int] = {}
    for name, number in _LINE.findall(raw):
        numbers[name] = parse_size(f"memory.stat, {name.decode()}", number)
    # v1 has both; the plain one excludes the cgroups below.
    inactive_file = numbers.get(b"total_inactive_file", numbers.get(b"inactive_file"))
    return Stat(inactive_file, numbers.get(b"pswpin"), numbers.get(b"pswpout"))


def parse_events(raw: bytes) -> dict[str, int]:
    """memory.swap.events: the count of each event, by its name. Raises MalformedFile."""
    events: dict[str, int] = {}
    for line in raw.splitlines():
        event = _EVENT.fullmatch(line)
        if event is None:
            raise MalformedFile("memory.swap.events", "lines 'NAME NUMBER'", line)
        events[event[1].decode()] = int(event[2])
    return events
