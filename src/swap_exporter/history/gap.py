"""After how long without a sample the time in between counts as unobserved."""

LATE_TICKS = 3.0
"""A tick is never early and often late: a sample takes time, the host is busy, the exporter was stopped."""
SHORTEST = 10.0
"""Seconds. A sample alone takes longer than the shortest windows and ticks that are accepted."""


def gap_after(span: float, tick: float) -> float:
    """More seconds than this between two samples are a gap.

    ``span``: seconds for which a verdict needs no sample. Late ticks may be further apart. They must
    not be gaps, or every sample would follow one and no verdict would ever be reached.
    """
    return max(span, LATE_TICKS * tick, SHORTEST)
