"""The only module that reads the clocks; everything else gets the time as an argument."""

import time

from swap_exporter.sampling.sample import Instant


def now() -> Instant:
    """This moment on the three clocks of an :class:`Instant`."""
    return Instant(
        time.clock_gettime(time.CLOCK_MONOTONIC),
        time.clock_gettime(time.CLOCK_BOOTTIME),
        time.clock_gettime(time.CLOCK_REALTIME),
    )
