"""Swap for the duration of a measurement."""

import contextlib
import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

LOCK = Path("/run/lock/swap-exporter-system-tests.lock")
"""The system tests lock the same file while they use swap."""
SIZE = 2 << 30
"""Bytes of the swap file."""


@contextlib.contextmanager
def swap_enabled() -> Iterator[None]:
    """Turn a swap file on where the machine has no swap, and off again at the end.

    Raises OSError or CalledProcessError if that fails, and OSError while system tests use swap.
    """
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(f"system tests are running: {LOCK} is locked") from None
        if len(Path("/proc/swaps").read_text().splitlines()) > 1:
            yield
            return
        with tempfile.NamedTemporaryFile(dir="/var/tmp", prefix="swap-exporter-bench-") as file:
            os.posix_fallocate(file.fileno(), 0, SIZE)
            subprocess.run(["mkswap", "--quiet", file.name], check=True, timeout=60)
            subprocess.run(["swapon", file.name], check=True, timeout=60)
            try:
                yield
            finally:
                subprocess.run(["swapoff", file.name], check=True, timeout=600)
