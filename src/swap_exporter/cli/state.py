"""The state file of a running exporter, written every minute and at the end.

A separate thread writes. A disk that does not respond can block fsync for minutes, which must not block the
thread that takes samples.
"""

from threading import Condition, Thread

from swap_exporter import log
from swap_exporter.cli import wiring
from swap_exporter.cli.flags import Options
from swap_exporter.history import state_file
from swap_exporter.history.activity_tracker import PersistedState
from swap_exporter.pipeline import Pipeline
from swap_exporter.sampling.clock import now

SAVE_EVERY = 60.0
"""Seconds between two saves of the state file: less than the gap after which watching starts again."""
END_WITHIN = 10.0
"""Seconds that the exporter waits for the last save before it ends."""


class State:
    """If the file cannot be used or written, that is logged and the exporter continues."""

    def __init__(self, options: Options) -> None:
        """Raises FatalError if boot_id cannot be read."""
        self._path = options.state_file
        self._boot_id = wiring.boot_id(options) if options.state_file else ""
        self._saved_at = now().monotonic
        self._changed = Condition()
        self._next: PersistedState | None = None
        """The state to be written. While the disk does not respond, a newer one replaces it."""
        self._ending = False
        self._writer = Thread(target=self._write_all, name="state", daemon=True)
        if self._path is not None:
            self._writer.start()

    def save_if_due(self, pipeline: Pipeline) -> None:
        """Have the state written if the last save is a minute old. Does not wait for the disk."""
        if self._path is not None and now().monotonic - self._saved_at >= SAVE_EVERY:
            self._saved_at = now().monotonic
            self._hand_over(pipeline.persisted_state())

    def end(self, pipeline: Pipeline) -> None:
        """Write the last state, and wait up to END_WITHIN seconds for it."""
        if self._path is None:
            return
        self._hand_over(pipeline.persisted_state(), ending=True)
        self._writer.join(END_WITHIN)
        if self._writer.is_alive():
            log.warn("state not saved", reason=f"{self._path}: not written within {END_WITHIN:.0f} s")

    def _hand_over(self, persisted: PersistedState | None, *, ending: bool = False) -> None:
        with self._changed:
            self._next, self._ending = persisted, ending
            self._changed.notify()

    def _write_all(self) -> None:
        ending = False
        while not ending:
            with self._changed:
                self._changed.wait_for(lambda: self._next is not None or self._ending)
                persisted, self._next, ending = self._next, None, self._ending
            if persisted is not None:
                self._write(persisted)

    def _write(self, persisted: PersistedState) -> None:
        assert self._path is not None
        try:
            state_file.save(self._path, persisted, self._boot_id)
        except state_file.StateFileError as error:
            log.warn("state not saved", reason=str(error))
        except Exception as error:
            # The thread continues: the next save may succeed.
            log.error("state not saved", reason=f"{self._path}: {type(error).__name__}: {error}")
