"""Reads a regular file of bounded size, so that a daemon neither waits for it nor fills its memory."""

import os
import stat
from errno import EFBIG, EINVAL, EISDIR
from pathlib import Path

MAX_BYTES = 16 << 20
"""Far more than any configuration or bundle of certificates has."""


class UnsuitableFileError(OSError):
    """Not a regular file, or too large. ``strerror`` completes a sentence that starts with the path."""


def read(path: str | Path, max_bytes: int = MAX_BYTES) -> bytes:
    """The content; of a file that is replaced meanwhile, the old or the new one.

    Raises UnsuitableFileError, with EISDIR for a directory; any other OSError; and ValueError for a path
    with a null byte.
    """
    with open(path, "rb", opener=_open) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise UnsuitableFileError(EFBIG, f"is larger than {max_bytes} bytes")
    return content


def _open(path: str, flags: int) -> int:
    # Opening a FIFO would wait for its writer.
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    raise UnsuitableFileError(EISDIR if stat.S_ISDIR(mode) else EINVAL, "is not a regular file")
