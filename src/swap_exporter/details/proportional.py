"""Reads SwapPss in the background, so that no scrape waits for it: the thread around the scheduler."""

import os
import time
from collections.abc import Callable, Iterable
from threading import Condition, Thread

from swap_exporter.details.swap_pss_scheduler import ProportionalSwap, PssReading, SwapPssScheduler
from swap_exporter.kernel import files, smaps_rollup, stat, status
from swap_exporter.kernel.errors import Exhausted, KernelFileError, Vanished
from swap_exporter.sampling.sample import Process
from swap_exporter.settings import Proportional


def read_pss(procfs: str, process: Process) -> PssReading:
    """VmSwap and SwapPss of this process; Vanished if its pid was reused. Raises KernelFileError."""
    directory = files.open_directory(f"{procfs}/{process.pid}")
    try:
        if stat.parse(files.read("stat", directory)).start_ticks != process.start_ticks:
            raise Vanished(f"{procfs}/{process.pid}")
        swap_pss = smaps_rollup.parse(files.read("smaps_rollup", directory)).swap_pss
        swap = status.parse(files.read("status", directory)).swap
        if swap is None:
            raise Vanished(f"{procfs}/{process.pid}/status")
        return PssReading(swap, swap_pss)
    finally:
        os.close(directory)


class ProportionalReader:
    """Given each sample, reads what is due until the next one. Thread-safe.

    Its thread starts when there is something to read for the first time.
    """

    def __init__(
        self, settings: Proportional, procfs: str = "/proc", clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``clock``: seconds, on the same clock as the times of samples."""
        self._procfs = procfs
        self._clock = clock
        self._scheduler = SwapPssScheduler(settings)
        self._changed = Condition()
        self._stopping = False
        self._thread: Thread | None = None

    def observe(self, processes: Iterable[Process], wanted: Iterable[Process], at: float) -> ProportionalSwap:
        """See :meth:`SwapPssScheduler.observe`. Does not wait for any reading."""
        with self._changed:
            result = self._scheduler.observe(processes, wanted, at)
            if self._scheduler.next() and not self._stopping:
                if self._thread is None:
                    self._thread = Thread(target=self._run, name="proportional swap", daemon=True)
                    self._thread.start()
                self._changed.notify_all()
            return result

    def configure(self, settings: Proportional) -> None:
        """Use other settings from the next sample on."""
        with self._changed:
            self._scheduler.configure(settings)

    def stop(self) -> None:
        """End the thread, after the reading that is in progress."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (process := self._next()) is not None:
            reading, again = None, False
            began = self._clock()
            try:
                reading = read_pss(self._procfs, process)
            except (Vanished, Exhausted):
                again = True
            except KernelFileError:
                pass
            with self._changed:
                self._scheduler.attempted(process, reading, began, self._clock(), again=again)

    def _next(self) -> Process | None:
        """Waits until a process may be read; ``None`` once the thread has to stop."""
        with self._changed:
            while not self._stopping:
                due = self._scheduler.next()
                if due is None:
                    self._changed.wait()
                    continue
                process, not_before = due
                remaining = not_before - self._clock()
                if remaining <= 0:
                    return process
                self._changed.wait(remaining)
            return None
