"""Sums of what is known, and what has room to come back."""

from collections.abc import Iterable
from typing import cast

from swap_exporter.details.details import Details
from swap_exporter.history.history import Observation
from swap_exporter.sampling.sample import Process, Sample


def total(values: Iterable[int | None]) -> int | None:
    """The sum; ``None`` if a part is unknown, since a partial sum would look like the whole."""
    known = list(values)
    return None if None in known else sum(cast(list[int], known))


def swap_share(process: Process, details: Details) -> int | None:
    """Its share of swap in bytes: SwapPss where it is known, else VmSwap."""
    share = details.share(process)
    return process.swap if share is None else share


def headroom(sample: Sample) -> int | None:
    """What the machine has room to hold, in bytes: MemAvailable."""
    meminfo = sample.host.meminfo
    return None if meminfo is None else meminfo.mem_available


def times(value: float | None, factor: int) -> float | None:
    """``value`` times ``factor``, for example pages in bytes; ``None`` if unknown."""
    return None if value is None else value * factor


def used_swap(sample: Sample) -> int | None:
    """SwapTotal - SwapFree, in bytes."""
    meminfo = sample.host.meminfo
    return None if meminfo is None else meminfo.swap_total - meminfo.swap_free


def at_most(size: int | None, *bounds: int | None) -> int | None:
    """``size``, limited by the bounds that are known."""
    return None if size is None else min([size, *(bound for bound in bounds if bound is not None)])


def stranded(processes: Iterable[Process], observation: Observation) -> int | None:
    """What of their swap could come back, in bytes: at most what their cgroups and the host have room for.

    VmSwap that stands in for SwapPss can exceed the used swap, and so is bounded by it too."""
    details = observation.details
    sizes_by_cgroups: dict[tuple[str, ...], list[int | None]] = {}
    for process in processes:
        sizes_by_cgroups.setdefault(process.cgroups or (), []).append(swap_share(process, details))
    parts: list[int | None] = []
    for cgroups, sizes in sizes_by_cgroups.items():
        size = total(sizes)
        room = details.cgroups.headroom.get(cgroups) if details.cgroups is not None else None
        parts.append(at_most(size, room))
    comes_back, room = total(parts), headroom(observation.sample)
    return None if room is None else at_most(comes_back, room, used_swap(observation.sample))
