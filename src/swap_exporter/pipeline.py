"""From /proc to an assessment: the straight line that every scrape, tick and page goes along."""

from collections.abc import Callable
from threading import Lock

from swap_exporter.assessment import Assessment, assess
from swap_exporter.grouping.grouper import Grouper
from swap_exporter.grouping.template import Context
from swap_exporter.history.history import History, Memory
from swap_exporter.sampling.sample import Instant
from swap_exporter.sampling.scan import Scanner
from swap_exporter.settings import Configuration


class Pipeline:
    """Takes samples and keeps the last assessment, for any number of threads.

    Who asks within ``min_sample_interval`` of the last sample, or while one is being taken, shares it: verdicts
    do not depend on how many scrape, or how often.
    """

    def __init__(
        self,
        configuration: Configuration,
        scanner: Scanner,
        context: Context,
        clock: Callable[[], Instant],
        memory: Memory | None = None,
    ) -> None:
        self._lock = Lock()
        self._scanner = scanner
        self._context = context
        self._clock = clock
        self._configuration = configuration
        self._grouper = Grouper(configuration, context)
        self._history = History(configuration, memory)
        self._last: Assessment | None = None

    def latest(self) -> Assessment:
        """An assessment no older than ``min_sample_interval``."""
        return self._no_older_than(self._configuration.min_sample_interval)

    def tick(self) -> float:
        """Take a sample if the last is older than ``tick``; return the seconds until it will be."""
        tick = self._configuration.tick
        last = self._no_older_than(tick)
        return max(0.0, last.sample.at.monotonic + tick - self._clock().monotonic)

    def configure(self, configuration: Configuration) -> None:
        """Go on under another configuration, from the next sample on."""
        with self._lock:
            self._configuration = configuration
            self._grouper = Grouper(configuration, self._context)
            self._history.configure(configuration)
            self._last = None

    def memory(self) -> Memory | None:
        """What a later run needs to go on."""
        with self._lock:
            return self._history.memory()

    def _no_older_than(self, seconds: float) -> Assessment:
        with self._lock:
            last = self._last
            if last is not None and self._clock().monotonic - last.sample.at.monotonic < seconds:
                return last
            sample = self._scanner.scan(self._clock)
            observation = self._history.observe(sample, self._grouper.assign(sample))
            self._last = assess(observation, self._configuration)
            return self._last
