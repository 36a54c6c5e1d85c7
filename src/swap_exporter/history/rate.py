"""Counters turned into rates over a window, from the samples that really were taken."""

from collections import deque

from swap_exporter.history.gap import gap_after

STALE_WINDOWS = 10
"""A difference over more than so many windows says nothing about now."""

STEPS = 60
"""Readings kept for one window, roughly: each group has three rates, and many clients may scrape."""


class Rate:
    """Remembers readings of one counter and gives its rate over a window, or up to a sixtieth more."""

    def __init__(self, window: float) -> None:
        self.window = window
        self._readings: deque[tuple[float, float]] = deque()

    def add(self, at: float, value: float) -> None:
        """Take a reading at a monotonic time in seconds. A counter that fell has started anew."""
        readings = self._readings
        if readings and value < readings[-1][1]:
            readings.clear()
        if len(readings) > 1 and readings[-1][0] - readings[-2][0] < self.window / STEPS:
            readings.pop()
        readings.append((at, value))
        # Keep the newest reading that is at least a window old, and all younger ones.
        while len(readings) > 1 and at - readings[1][0] >= self.window:
            readings.popleft()

    def per_second(self, tick: float = 0.0) -> float | None:
        """The rate up to the last reading since the newest remembered one that is at least a window older.

        ``None`` while there is none, or where it is more than ten windows older (or three ticks of ``tick``
        seconds, where that is longer).
        """
        if not self._readings:
            return None
        (first_at, first), (last_at, last) = self._readings[0], self._readings[-1]
        elapsed = last_at - first_at
        if elapsed < self.window or elapsed <= 0 or elapsed > gap_after(STALE_WINDOWS * self.window, tick):
            return None
        return (last - first) / elapsed
