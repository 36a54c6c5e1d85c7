"""How long a page takes to come back from swap on this host, from the wakes that were seen."""

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping
from itertools import accumulate

from swap_exporter.kernel.taskstats import TaskDelays
from swap_exporter.sampling.sample import Identity, Sample

MIN_PAGES = 64
"""A process that read so many pages between two samples woke up; fewer say too little of the wait."""

MIN_WAKES = 20
QUANTILE = 0.75
"""Of the pages. The kernel loses waits: seven wakes that took 125 to 220 ms each were told as waits of 1 to
55 ms, where the same ones told 60 to 80 ms at other times. The median then said half of what a wake takes;
this stayed between 0.9 and 1.1 of it."""
MARGIN = 1.5
"""A quarter of all pages take longer than that; this is to bound them. As the CPU's part is at most as long
as the wait, it makes no more than three times what is waited for in such a wake."""
_REMEMBERED = 100


class Wakes:
    """Remembers how long the last wakes took for each page.

    That is the wait for block I/O, and the CPU time and the wait for a CPU that go with it: where the disk is
    fast these are half of it. They count up to as much as the wait, for a worker may go on to work after it
    woke. A mean would be useless, since one wake in twelve was seen to wait thirty times as long as the
    others; a quantile holds. It is that of the pages, not of the wakes: the heartbeat of an idle process
    fetches some hundred pages from here and there, at five times the price, and there are more of them.
    """

    def __init__(self) -> None:
        self._wakes: deque[tuple[float, int]] = deque(maxlen=_REMEMBERED)
        """Seconds per page, and pages."""
        self._last: Mapping[Identity, TaskDelays] = {}
        self._last_at = 0.0

    def observe(self, sample: Sample, delays: Mapping[Identity, TaskDelays] | None) -> None:
        """Take what delay accounting says at one sample."""
        delays = delays or {}
        elapsed = sample.at.monotonic - self._last_at
        for identity, now in delays.items():
            before = self._last.get(identity)
            if before is None or (pages := now.swapin_pages - before.swapin_pages) < MIN_PAGES:
                continue
            waited = (now.blkio_delay_ns - before.blkio_delay_ns) / 1e9
            # The kernel was seen to tell of waits that cannot have been: longer than time passed.
            if 0 < waited <= elapsed * sample.processes[identity[0]].threads:
                runnable = (now.runnable_ns - before.runnable_ns) / 1e9
                self._wakes.append(((waited + min(runnable, waited)) / pages, pages))
        self._last, self._last_at = delays, sample.at.monotonic

    def seconds_per_page(self) -> float | None:
        """That quantile of the pages, with that margin; ``None`` until twenty wakes were seen."""
        if len(self._wakes) < MIN_WAKES:
            return None
        wakes = sorted(self._wakes)
        up_to = list(accumulate(pages for _, pages in wakes))
        seconds, _ = wakes[bisect_left(up_to, up_to[-1] * QUANTILE)]
        return MARGIN * seconds
