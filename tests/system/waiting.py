"""Waiting for a condition, with a generous deadline: machines are noisy, so nothing else is timed."""

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def wait_until(
    what: str, condition: Callable[[], Result], deadline: float = 60.0, every: float = 0.1
) -> Result:
    """Ask ``condition`` until its answer is true and return that; fail with ``what`` after ``deadline`` s.

    An AssertionError from the condition counts as "not yet": a block of asserts can be waited for.
    """
    end = time.monotonic() + deadline
    while True:
        refusal: AssertionError | None = None
        try:
            if answer := condition():
                return answer
        except AssertionError as error:
            refusal = error
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:g} s: {what}; {refusal or ''}") from refusal
        time.sleep(every)
