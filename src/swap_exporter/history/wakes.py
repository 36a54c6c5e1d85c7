"""How long a page takes to come back from swap on this host, from the wakes that were seen."""

from collections import deque
from collections.abc import Mapping
from statistics import median

from swap_exporter.kernel.taskstats import TaskDelays
from swap_exporter.sampling.sample import Identity, Sample

MIN_PAGES = 64
"""A process that read so many pages between two samples woke up; fewer say too little of the wait."""

MIN_WAKES = 20
_REMEMBERED = 100


class Wakes:
    """Remembers the wait per page of the last wakes.

    The wait is that for all block I/O, files included: an upper bound. A mean would be useless, since one
    wake in twelve was seen to wait thirty times as long as the others; the median holds.
    """

    def __init__(self) -> None:
        self._seconds_per_page: deque[float] = deque(maxlen=_REMEMBERED)
        self._last: Mapping[Identity, TaskDelays] = {}
        self._last_at = 0.0

    def observe(self, sample: Sample, delays: Mapping[Identity, TaskDelays] | None) -> None:
        """Take what delay accounting says at one sample."""
        delays = delays or {}
        elapsed = sample.at.monotonic - self._last_at
        for identity, now in delays.items():
            before = self._last.get(identity)
            if before is None or now.swapin_pages - before.swapin_pages < MIN_PAGES:
                continue
            waited = (now.blkio_delay_ns - before.blkio_delay_ns) / 1e9
            # The kernel was seen to tell of waits that cannot have been: longer than time passed.
            if 0 < waited <= elapsed * sample.processes[identity[0]].threads:
                self._seconds_per_page.append(waited / (now.swapin_pages - before.swapin_pages))
        self._last, self._last_at = delays, sample.at.monotonic

    def seconds_per_page(self) -> float | None:
        """The median; ``None`` until twenty wakes were seen."""
        if len(self._seconds_per_page) < MIN_WAKES:
            return None
        return median(self._seconds_per_page)
