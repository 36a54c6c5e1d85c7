"""The state of a group that needs attention."""

from enum import StrEnum

from swap_exporter.assessment import GroupAssessment, Residency, headroom
from swap_exporter.sampling.sample import Sample


class State(StrEnum):
    """In order of severity, the worst first."""

    WAKING = "waking"
    """The group reads its pages back from swap now."""
    STRANDED = "stranded"
    """Idle workers are in swap and memory has room for them."""
    SWAPPED = "swapped"
    """Workers are in swap and memory has room for them; which workers are idle is unknown."""


def group_state(group: GroupAssessment, sample: Sample) -> State | None:
    """``None`` for a group that needs no attention. ``sample``: the one that was assessed."""
    if group.waking is not None:
        return State.WAKING
    if group.idle_swapped is not None and group.idle_swapped.stranded is not None:
        return State.STRANDED if group.idle_swapped.stranded else None
    return State.SWAPPED if swapped_workers(group) and headroom(sample) != 0 else None


def swapped_workers(group: GroupAssessment) -> int:
    """Workers in swap, whether they are idle or not."""
    return sum(number for (_, residency), number in group.workers.items() if residency is Residency.SWAPPED)
