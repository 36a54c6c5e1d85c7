"""After how long without a sample the time in between counts as unobserved."""

LATE_TICKS = 3.0
"""A tick is never early and often late: by the sample itself, by a busy host, by a moment in which the exporter was
stopped."""
SHORTEST = 10.0
"""Seconds. A sample alone takes longer than the shortest windows and ticks that are accepted."""


def gap_after(span: float, tick: float) -> float:
    """More seconds than this between two samples are a gap.

    ``span``: seconds that a judgement can do without a sample. Where ticks are further apart it has to do with what
    the ticks give: else every sample of such a configuration would follow a gap, and nothing be known ever.
    """
    return max(span, LATE_TICKS * tick, SHORTEST)
