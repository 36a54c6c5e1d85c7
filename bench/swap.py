"""Real swap for as long as tests or a benchmark need it."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

LOCK = Path("/run/lock/swap-exporter-system-tests.lock")
"""Locked while swap is in use: runs on the same machine take turns."""
PATIENCE = 540
"""Seconds to wait for it: less than pytest's limit of a test."""
SIZE = 2 << 30
"""Bytes of the file, unless a caller needs more."""
DIRECTORIES = (Path("/var/tmp"), Path("/var/lib"), Path("/"))
NAME = "swap-exporter-system-tests.swap"


@contextlib.contextmanager
def swap_in_use(size: int = SIZE) -> Iterator[Path | None]:
    """Hold the lock; the swap file that was turned on, or ``None`` where the machine has swap of its own.

    ``size``: bytes of the file.

    Raises OSError, with what each directory said, where no swap file can be turned on.
    """
    with LOCK.open("w") as lock:
        _take(lock)
        for directory in DIRECTORIES:
            _remove(directory / NAME)  # a killed run could not
        if _active():
            yield None
            return
        file = _turn_on(size)
        try:
            yield file
        finally:
            _remove(file)


def _take(lock: IO[str]) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                raise OSError(f"another run has {LOCK} for more than {PATIENCE} s") from None
            time.sleep(1)


def _active() -> list[str]:
    """The swap areas in use."""
    return [line.split()[0] for line in Path("/proc/swaps").read_text().splitlines()[1:]]


def _turn_on(size: int) -> Path:
    refusals = []
    for directory in DIRECTORIES:
        if shutil.disk_usage(directory).free < 2 * size:
            refusals.append(f"{directory}: too little space")
            continue
        file = directory / NAME
        # Some file systems give fallocate's blocks holes that swapon refuses: those need written blocks.
        for fill in (_fallocate, _write_zeros):
            try:
                fill(file, size)
                _run("mkswap", str(file))
                _run("swapon", str(file))
            except OSError as error:
                _remove(file)
                refusals.append(f"{file}: {error}")
            else:
                return file
    raise OSError("no swap file can be turned on: " + "; ".join(refusals))


def _fallocate(file: Path, size: int) -> None:
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        os.posix_fallocate(target.fileno(), 0, size)


def _write_zeros(file: Path, size: int) -> None:
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        for _ in range(size >> 20):
            target.write(bytes(1 << 20))
        os.fsync(target.fileno())


def _remove(file: Path) -> None:
    if str(file) in _active():
        _run("swapoff", str(file))
    file.unlink(missing_ok=True)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise OSError(f"{command[0]}: {done.stderr.strip()}")
