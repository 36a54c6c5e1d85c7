"""All that can go wrong between a kernel file and its value: this package raises nothing else."""

import errno
import os


class KernelFileError(Exception):
    """A kernel file gave no value. ``str()`` is one line for people."""


class Vanished(KernelFileError):  # noqa: N818 - an event, not a fault
    """The file, or its process, does not exist (ENOENT, ESRCH)."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: not there")


class Denied(KernelFileError):  # noqa: N818
    """The exporter may not read the file (EACCES, EPERM)."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: permission denied")


class Unreadable(KernelFileError):  # noqa: N818
    """Any other refusal by the kernel: EIO, EISDIR..."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")


class Unavailable(KernelFileError):  # noqa: N818
    """The kernel, its settings or the exporter's privileges do not provide it; the text says what would."""


class Exhausted(KernelFileError):  # noqa: N818
    """No descriptors or memory left (EMFILE, ENFILE, ENOMEM): this says nothing about the file."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")


class MalformedFile(KernelFileError):  # noqa: N818
    """The text is not what the kernel documents."""

    def __init__(self, what: str, expected: str, found: bytes) -> None:
        shown = repr(found[:60])[1:] + ("..." if len(found) > 60 else "")
        super().__init__(f"{what}: expected {expected}, found {shown}")


def from_errno(number: int | None, path: str) -> KernelFileError:
    """The error for an ``errno`` of the kernel. ``path``: of the file, or the name of the netlink family."""
    if number in (errno.ENOENT, errno.ESRCH, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT):
        return Vanished(path)
    if number in (errno.EACCES, errno.EPERM):
        return Denied(path)
    problem = os.strerror(number or 0)
    if number in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS):
        return Exhausted(path, problem)
    if number == errno.EOPNOTSUPP:
        return Unavailable(f"{path}: {problem}")
    return Unreadable(path, problem)
