"""Sums of what is known, and what has room to come back."""

from collections.abc import Iterable
from typing import cast

from swap_exporter.history.history import Observation
from swap_exporter.sampling.inspection import Inspection
from swap_exporter.sampling.sample import Process, Sample


def total(values: Iterable[int | None]) -> int | None:
    """The sum; ``None`` if one part is not known, since a partial sum would pass for the whole."""
    known = list(values)
    return None if None in known else sum(cast(list[int], known))


def held_swap(process: Process, inspection: Inspection) -> int | None:
    """Its share of swap in bytes: SwapPss where it is known, else VmSwap."""
    share = inspection.share(process)
    return process.swap if share is None else share


def headroom(sample: Sample) -> int | None:
    """What the machine has room to hold, in bytes: MemAvailable."""
    meminfo = sample.host.meminfo
    return None if meminfo is None else meminfo.mem_available


def stranded(processes: Iterable[Process], observation: Observation) -> int | None:
    """What of their swap could come back: no more than their cgroups have room for, nor than the host has."""
    inspection = observation.inspection
    held: dict[tuple[str, ...], list[int | None]] = {}
    for process in processes:
        held.setdefault(process.cgroups or (), []).append(held_swap(process, inspection))
    parts: list[int | None] = []
    for cgroups, sizes in held.items():
        size = total(sizes)
        room = inspection.cgroups.headroom.get(cgroups) if inspection.cgroups is not None else None
        parts.append(size if size is None or room is None else min(size, room))
    comes_back, room = total(parts), headroom(observation.sample)
    return None if comes_back is None or room is None else min(comes_back, room)
