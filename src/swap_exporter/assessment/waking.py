"""Whether a group reads itself back from swap: what the rule SwapWorkersWaking says, for page and report.

The thresholds are the rule's. It takes rates over five minutes; the page takes them over ``rate_window``, the
report between its two samples.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

SWAPIN = 1 << 20
"""Bytes per second that a group reads back from swap."""
MAJOR_FAULTS = 32
"""Major faults per second where swap-in is not measured: 1 MiB/s at the kernel's default readahead."""
HOST_SWAPIN = 1 << 20
"""Bytes per second that the host must read from swap for those faults to be of swap and not of files."""


class Evidence(StrEnum):
    DELAY_ACCOUNTING = "delay_accounting"
    MAJOR_FAULTS = "major_faults"


class ReadBack(NamedTuple):
    """What the processes of one role do per second."""

    swapin: float | None
    """Bytes read back from swap; ``None`` where it is not measured."""
    major_faults: float | None


class Waking(NamedTuple):
    evidence: Evidence
    per_second: float
    """Bytes or major faults, as the evidence is."""


def judge_waking(roles: Iterable[ReadBack], host_swapin: float | None) -> Waking | None:
    """``None`` for a group that is not waking, or not known to be. ``host_swapin``: bytes per second, zswap's
    included."""
    roles = list(roles)
    swapin = sum(role.swapin for role in roles if role.swapin is not None)
    if swapin > SWAPIN:
        return Waking(Evidence.DELAY_ACCOUNTING, swapin)
    faults = sum(role.major_faults or 0.0 for role in roles if role.swapin is None)
    if faults > MAJOR_FAULTS and host_swapin is not None and host_swapin > HOST_SWAPIN:
        return Waking(Evidence.MAJOR_FAULTS, faults)
    return None
