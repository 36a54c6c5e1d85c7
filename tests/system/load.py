"""Requests at a steady rate, for a bounded time."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

LONGEST = 300.0


class Load:
    """``at_once`` requests together, ``per_second`` times a second, each over its own connection.

    Sent together they cannot all be served by one worker if each takes a while. Runs as a context, and
    ends by itself after ``seconds``, which are at most 300.
    """

    def __init__(
        self,
        request: Callable[[], bytes],
        per_second: float = 1.0,
        at_once: int = 1,
        seconds: float = LONGEST,
    ) -> None:
        """``request`` gives the pid of the worker that served it, as the servers of these tests answer."""
        self.served: Counter[int] = Counter()
        """Requests by the pid of the worker that answered."""
        self.latencies: list[float] = []
        """Seconds of each answered request, in the order of the answers."""
        self.failures: list[OSError] = []
        self._request = request
        self._pause = 1 / per_second
        self._at_once = at_once
        self._seconds = min(seconds, LONGEST)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(LONGEST)

    def _run(self) -> None:
        begin = due = time.monotonic()
        with ThreadPoolExecutor(self._at_once) as pool:
            while not self._over.is_set() and due - begin < self._seconds:
                for _ in pool.map(lambda _: self._one(), range(self._at_once)):
                    pass
                due = max(due + self._pause, time.monotonic())  # a slow server is not paid back with a burst
                self._over.wait(due - time.monotonic())

    def _one(self) -> None:
        begin = time.monotonic()
        try:
            worker = int(self._request())
        except OSError as error:
            self.failures.append(error)
        else:
            self.latencies.append(time.monotonic() - begin)
            self.served[worker] += 1
