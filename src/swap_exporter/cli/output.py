"""What commands print. A full disk or a closed output is one line and exit status 1."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from swap_exporter.errors import FatalError


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Standard output, flushed at the end of the block, in which nothing else may fail with an OSError.

    Raises FatalError where it is closed or cannot be written.
    """
    if sys.stdout is None:
        raise FatalError("cannot write to standard output: it is closed")
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        _drop_the_rest(sys.stdout)
        raise FatalError(f"cannot write to standard output: {error.strerror}") from error


def complain(line: str) -> None:
    """Print one line on standard error, if there is any."""
    if sys.stderr is not None:  # print would take standard output instead
        with suppress(OSError):
            print(line, file=sys.stderr)


def flush_standard_error() -> None:
    """Write what is left of the log and the complaints; what cannot be written is lost, never an exit
    status."""
    if sys.stderr is not None:
        try:
            sys.stderr.flush()
        except OSError:
            _drop_the_rest(sys.stderr)


def _drop_the_rest(stream: TextIO) -> None:
    """The interpreter flushes once more at its end, and would print what is wrong in its own words, or end
    with status 120."""
    with suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
