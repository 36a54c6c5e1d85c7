"""Whether the exporter is healthy, for ``/-/healthy`` and the watchdog.

A separate thread checks and feeds the watchdog, so that a slow sample on a host that thrashes, a slow disk or
a slow client does not get the exporter killed. It stops feeding when samples or connections are missing for
too long. systemd then waits for the same time again.
"""

from collections.abc import Callable
from threading import Event, Thread

from swap_exporter import log
from swap_exporter.http.server import Server
from swap_exporter.pipeline import Pipeline
from swap_exporter.sampling.clock import now
from swap_exporter.systemd import Supervisor

LATE_TICKS = 3.0
SHORTEST = 120.0
"""Seconds."""
CHECK_EVERY = 5.0
"""Seconds."""


def patience(tick: float) -> float:
    """Seconds that may pass without a complete sample, or without accepting connections."""
    return max(SHORTEST, LATE_TICKS * tick)


class Health:
    """Checks from `start` to `stop`."""

    def __init__(
        self,
        pipeline: Pipeline,
        supervisor: Supervisor,
        monotonic: Callable[[], float] = lambda: now().monotonic,
    ) -> None:
        self._pipeline = pipeline
        self._supervisor = supervisor
        self._monotonic = monotonic
        self._server: Server | None = None
        self._stopping = Event()
        self._thread = Thread(target=self._check, name="health", daemon=True)

    def start(self, server: Server) -> None:
        """Start checking. ``server`` has started."""
        self._server = server
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def trouble(self) -> str | None:
        """What is wrong, in one line, or ``None``."""
        bound = patience(self._pipeline.tick_seconds)
        seconds = self._monotonic() - self._pipeline.progress_at
        if seconds > bound:
            return f"no complete sample for {seconds:.0f} s, expected one in {bound:.0f} s"
        if self._server is not None and self._server.seconds_without_accepting() > bound:
            return "no connection is accepted any more"
        return None

    def _check(self) -> None:
        before = None
        while True:
            self._supervisor.watch(patience(self._pipeline.tick_seconds))
            trouble = self.trouble()
            if trouble is None:
                self._supervisor.alive()
            if before is None and trouble is not None:
                log.error("not healthy, the watchdog is not fed", reason=trouble)
            elif before is not None and trouble is None:
                log.info("healthy again")
            before = trouble
            if self._stopping.wait(CHECK_EVERY):
                return
