"""From /proc to an assessment: the steps behind every scrape, tick and page."""

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from threading import Lock

from swap_exporter import log
from swap_exporter.assessment import Assessment, assess, of_the_host_alone
from swap_exporter.assessment.capabilities import COLLECTORS
from swap_exporter.details.details import DetailsReader
from swap_exporter.grouping.grouper import Grouper
from swap_exporter.history.activity_tracker import PersistedState
from swap_exporter.history.history import History
from swap_exporter.sampling.sample import CollectorRun, Instant, Sample
from swap_exporter.sampling.scan import Scanner
from swap_exporter.settings import Configuration
from swap_exporter.settings.template import TemplateContext


class Pipeline:
    """Takes samples and keeps the last assessment, for any number of threads.

    Callers within ``min_sample_interval`` of the last sample, or while one is being taken, share it: verdicts
    do not depend on the number of scrapers, or on their intervals.
    """

    def __init__(
        self,
        configuration: Configuration,
        scanner: Scanner,
        details_reader: DetailsReader,
        context: TemplateContext,
        clock: Callable[[], Instant],
        persisted: PersistedState | None = None,
    ) -> None:
        self._lock = Lock()
        self._scanner = scanner
        self._details_reader = details_reader
        self._clock = clock
        self._configuration = configuration
        self._grouper = Grouper(configuration, context)
        self._history = History(configuration, persisted)
        self._last: Assessment | None = None
        self._complete_at: Instant | None = None
        self._progress_at = clock().monotonic
        self._problems: dict[str, str | None] = {}
        self._missing: dict[str, str | None] = {}

    def latest(self, deadline: float = math.inf) -> Assessment:
        """An assessment no older than ``min_sample_interval``.

        Raises TimeoutError if the sample that another thread is taking is not done by ``deadline``, on the
        monotonic clock.
        """
        return self._no_older_than(self._configuration.min_sample_interval, deadline)

    def tick(self) -> float:
        """Take a sample if the last is older than ``tick``; return the seconds until it will be."""
        tick = self._configuration.tick
        last = self._no_older_than(tick)
        return max(0.0, last.sample.at.monotonic + tick - self._clock().monotonic)

    @property
    def progress_at(self) -> float:
        """CLOCK_MONOTONIC at the end of the last complete sample; before the first, that of the start.

        The end and not the beginning, because a host that thrashes makes samples slow, and a slow exporter is
        healthy.
        """
        return self._progress_at

    @property
    def tick_seconds(self) -> float:
        """``tick`` of the configuration."""
        return self._configuration.tick

    def configure(self, configuration: Configuration) -> None:
        """Use another configuration from the next sample on."""
        with self._lock:
            self._configuration = configuration
            self._grouper.configure(configuration)
            self._details_reader.configure(configuration.proportional)
            self._history.configure(configuration)
            self._last = None

    def persisted_state(self) -> PersistedState | None:
        """What a later run needs to continue."""
        with self._lock:
            return self._history.persisted_state()

    def _no_older_than(self, seconds: float, deadline: float = math.inf) -> Assessment:
        patience = -1 if deadline == math.inf else max(0.0, deadline - self._clock().monotonic)
        if not self._lock.acquire(timeout=patience):
            raise TimeoutError
        try:
            last = self._last
            if last is not None and self._clock().monotonic - last.sample.at.monotonic < seconds:
                return last
            sample = self._scanner.scan(self._clock)
            self._last = self._assessed(sample)
            if sample.complete:
                self._complete_at, self._progress_at = sample.at, self._clock().monotonic
            runs = (*sample.collectors, *self._last.details.collectors)
            self._log_problems(runs)
            self._log_capabilities(self._last.capabilities, runs)
            return self._last
        finally:
            self._lock.release()

    def _assessed(self, sample: Sample) -> Assessment:
        if not sample.complete:
            # A missing process may still be alive, but the history would treat it as ended.
            return of_the_host_alone(sample, self._complete_at)
        grouping = self._grouper.assign(sample)
        groups = grouping.groups.values()
        details = self._details_reader.read(
            sample,
            chain.from_iterable(group.processes for group in groups),
            [*chain.from_iterable(group.in_swap for group in groups), *grouping.ungrouped],
            {place for group in groups for place in group.cgroups},
            chain.from_iterable(group.threaded_workers for group in groups),
        )
        return assess(
            self._history.observe(sample, grouping, details), self._configuration, before=self._last
        )

    def stop(self) -> None:
        """Stop background reads and close all open files. No sample can follow."""
        self._details_reader.stop()
        with self._lock:
            self._scanner.close()

    def _log_problems(self, runs: Iterable[CollectorRun]) -> None:
        """Log when a collector begins to fail, when the reason changes, and when it works again."""
        failing = {
            run.name: run
            for run in runs
            if run.problem is not None and not (run.success is None and run.name in COLLECTORS.values())
        }
        problems = {name: run.problem for name, run in failing.items()}
        for name, run in failing.items():
            if self._problems.get(name) == run.problem:
                continue
            if run.success is None:
                log.info("a source is not available", collector=name, reason=run.problem)
            else:
                log.warn("a collector fails", collector=name, problem=run.problem)
        for name in self._problems.keys() - problems.keys():
            log.info("a collector works again", collector=name)
        self._problems = problems

    def _log_capabilities(self, capabilities: Mapping[str, str | None], runs: Iterable[CollectorRun]) -> None:
        """Log when a capability is lost, when the reason changes, and when it is available again. If its
        collector fails, that is already logged."""
        failing = {run.name for run in runs if run.success is False}
        for name, reason in capabilities.items():
            if COLLECTORS[name] in failing or self._missing.get(name) == reason:
                continue
            if reason is None:
                log.info("a source is available again", capability=name)
            else:
                log.info("a source is not available", capability=name, reason=reason)
            self._missing[name] = reason
