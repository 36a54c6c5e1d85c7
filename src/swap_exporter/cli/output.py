"""The output of commands. A full disk or a closed output gives one line and exit status 1."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from swap_exporter.errors import FatalError


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Standard output, flushed at the end of the block. The block must raise no other OSError.

    Raises FatalError if it is closed or cannot be written.
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
    if sys.stderr is not None:  # print would use standard output instead
        with suppress(OSError):
            print(line, file=sys.stderr)


def flush_standard_error() -> None:
    """Flush logs and errors. What cannot be written is dropped, and does not change the exit status."""
    if sys.stderr is not None:
        try:
            sys.stderr.flush()
        except OSError:
            _drop_the_rest(sys.stderr)


def _drop_the_rest(stream: TextIO) -> None:
    """Send the buffer to /dev/null: at exit the interpreter flushes again, and would print its own error or
    exit with status 120."""
    with suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
