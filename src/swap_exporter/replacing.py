"""Atomic replacement of files: a reader sees the old content or the new. A failure keeps the old."""

import contextlib
import os
import tempfile
from pathlib import Path


def replace_file(path: str | Path, content: bytes, mode: int) -> None:
    """Write ``content`` to a temporary file beside ``path``, sync it, and rename it. Raises OSError.

    The temporary file has another suffix than ``path``, so that a glob such as ``*.prom`` does not match it.
    """
    target = Path(path)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        Path(temporary).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
