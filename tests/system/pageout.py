"""Pushing one process' private pages out to swap, whatever cgroup it is in."""

import ctypes
import os
from pathlib import Path

_PROCESS_MADVISE = 440  # the same on every architecture but alpha
_MADV_PAGEOUT = 21
_RANGES_PER_CALL = 1024  # UIO_MAXIOV


class _Range(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def page_out(pid: int) -> None:
    """MADV_PAGEOUT on all private anonymous memory of a process; pages shared with a fork stay.

    process_madvise(2), Linux 5.10, needs CAP_SYS_NICE and the right to ptrace. Raises OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    ranges = _private_anonymous(pid)
    pidfd = os.pidfd_open(pid)
    try:
        while ranges:
            # A call may do less than all: it says how many bytes it got through.
            batch = (_Range * min(len(ranges), _RANGES_PER_CALL))(
                *(_Range(*r) for r in ranges[:_RANGES_PER_CALL])
            )
            done = libc.syscall(_PROCESS_MADVISE, pidfd, batch, len(batch), _MADV_PAGEOUT, 0)
            if done < 0:
                raise OSError(
                    ctypes.get_errno(), f"process_madvise of {pid}: {os.strerror(ctypes.get_errno())}"
                )
            ranges = _after(ranges, done)
    finally:
        os.close(pidfd)


def _private_anonymous(pid: int) -> list[tuple[int, int]]:
    found = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, permissions, _, _, inode, *name = line.split(maxsplit=5)
        if permissions[3] == "p" and permissions[1] == "w" and inode == "0" and not _special(name):
            start, end = (int(address, 16) for address in span.split("-"))
            found.append((start, end - start))
    return found


def _special(name: list[str]) -> bool:
    return bool(name) and name[0].startswith(("[v", "[uprobes"))


def _after(ranges: list[tuple[int, int]], done: int) -> list[tuple[int, int]]:
    for index, (start, length) in enumerate(ranges):
        if done < length:
            return [(start + done, length - done), *ranges[index + 1 :]]
        done -= length
    return []
