"""Reads kernel files with as few system calls as possible: buffered files cost twice as much on /proc.

Every ``OSError`` becomes one of the errors of :mod:`swap_exporter.kernel.errors`.
"""

import os
from collections.abc import Callable

from swap_exporter.kernel.errors import from_errno

_CHUNK = 8192


def read(path: str, directory: int | None = None, limit: int | None = None) -> bytes:
    """The bytes of ``path``, relative to the descriptor ``directory`` if given; at most ``limit`` of them.

    Raises Vanished, Denied, Exhausted or Unreadable.
    """
    # A short read is not the end: the kernel returns some files one page of records at a time.
    return _read(path, directory, lambda content: limit is None or len(content) < limit)[:limit]


def read_record(path: str, directory: int | None = None) -> bytes:
    """A file that the kernel prints as one record, like most of /proc/PID: one read returns all of it.

    Raises Vanished, Denied, Exhausted or Unreadable.
    """
    return _read(path, directory, lambda content: len(content) % _CHUNK == 0)


def open_file(path: str, directory: int | None = None) -> int:
    """A descriptor to read from; the caller closes it. For a file of a process it stays with that process,
    also after an exec. Once the process has ended, reading fails with ESRCH, even if its pid is reused.

    Raises Vanished, Denied, Exhausted or Unreadable.
    """
    return _open(path, os.O_RDONLY | os.O_CLOEXEC, directory)


def open_directory(path: str, directory: int | None = None) -> int:
    """A descriptor of a directory; the caller closes it. Raises Vanished, Denied, Exhausted or Unreadable."""
    return _open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, directory)


def list_directory(path: str, directory: int | None = None) -> list[str]:
    """The names in a directory, unordered. Raises Vanished, Denied, Exhausted or Unreadable."""
    descriptor = open_directory(path, directory)
    try:
        return os.listdir(descriptor)
    except OSError as error:
        raise from_errno(error.errno, path) from None
    finally:
        os.close(descriptor)


def list_numbers(path: str, directory: int | None = None) -> list[int]:
    """The numbers among the names in a directory, ascending: processes, or threads. Raises as
    :func:`list_directory`."""
    return sorted(
        int(name) for name in list_directory(path, directory) if name.isascii() and name.isdecimal()
    )


def _open(path: str, flags: int, directory: int | None) -> int:
    try:
        return os.open(path, flags, dir_fd=directory)
    except OSError as error:
        raise from_errno(error.errno, path) from None


def _read(path: str, directory: int | None, may_have_more: Callable[[bytes], bool]) -> bytes:
    descriptor = open_file(path, directory)
    try:
        content = os.read(descriptor, _CHUNK)
        while may_have_more(content) and (piece := os.read(descriptor, _CHUNK)):
            content += piece
        return content
    except OSError as error:
        raise from_errno(error.errno, path) from None
    finally:
        os.close(descriptor)
