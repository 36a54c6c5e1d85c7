"""Reads SwapPss in the background, outside of every scrape's path: the thread around the scheduler."""

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
    """VmSwap and SwapPss of this process, not of one that has got its pid since. Raises KernelFileError."""
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
    """Hand it each sample; it reads what has to be read until the next. For any number of threads.

    Its own thread is started when there is something to read for the first time.
    """

    def __init__(
        self, settings: Proportional, procfs: str = "/proc", clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``clock``: seconds, of the same clock as the times handed in."""
        self._procfs = procfs
        self._clock = clock
        self._scheduler = SwapPssScheduler(settings)
        self._changed = Condition()
        self._stopping = False
        self._thread: Thread | None = None

    def observe(self, processes: Iterable[Process], wanted: Iterable[Process], at: float) -> ProportionalSwap:
        """See :meth:`SwapPssScheduler.observe`. Reads nothing itself."""
        with self._changed:
            result = self._scheduler.observe(processes, wanted, at)
            if self._scheduler.next() and not self._stopping:
                if self._thread is None:
                    self._thread = Thread(target=self._run, name="proportional swap", daemon=True)
                    self._thread.start()
                self._changed.notify_all()
            return result

    def configure(self, settings: Proportional) -> None:
        """Go on under other settings, from the next sample on."""
        with self._changed:
            self._scheduler.configure(settings)

    def stop(self) -> None:
        """End the thread; one reading that is under way is waited for."""
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
        """Waits for a process whose time has come; ``None`` when it is time to stop."""
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
