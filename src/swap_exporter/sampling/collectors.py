"""Runs the collectors of one sample separately: one that fails does not affect the others."""

from collections.abc import Callable
from typing import TypeVar

from swap_exporter.kernel.errors import Denied, KernelFileError, Unavailable, Vanished
from swap_exporter.sampling.sample import CollectorRun, Instant

Value = TypeVar("Value")


class Collectors:
    """The enabled collectors of one sample, and the outcome of each."""

    def __init__(self, enabled: frozenset[str], clock: Callable[[], Instant]) -> None:
        self._enabled = enabled
        self._clock = clock
        self.runs: list[CollectorRun] = []

    def run(self, name: str, read: Callable[[], Value], *, optional: bool = False) -> Value | None:
        """The result of ``read``, or ``None``.

        An ``optional`` source may be missing: it may need another kernel or more privileges. That is no
        failure, and nothing to alert on.
        """
        if name not in self._enabled:
            return None
        began = self._clock().monotonic
        value: Value | None = None
        success: bool | None = True
        problem = None
        try:
            value = read()
        except KernelFileError as error:
            absent = optional and isinstance(error, Vanished | Denied | Unavailable)
            success, problem = None if absent else False, str(error)
        self.runs.append(CollectorRun(name, success, self._clock().monotonic - began, problem))
        return value
