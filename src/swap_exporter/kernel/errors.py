"""All that can go wrong between a kernel file and its value: this package raises nothing else."""


class KernelFileError(Exception):
    """A kernel file gave no value. ``str()`` is one line for people."""


class Vanished(KernelFileError):  # noqa: N818 - an event, not a fault
    """The file, or its process, does not exist (ENOENT, ESRCH)."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: not there")
        self.path = path


class Denied(KernelFileError):  # noqa: N818
    """The exporter may not read the file (EACCES, EPERM)."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: permission denied")
        self.path = path


class Unreadable(KernelFileError):  # noqa: N818
    """Any other refusal by the kernel: EIO, EISDIR..."""

    def __init__(self, path: str, strerror: str) -> None:
        super().__init__(f"{path}: {strerror}")
        self.path = path
        self.strerror = strerror


class Unavailable(KernelFileError):  # noqa: N818
    """The kernel, its settings or the exporter's privileges do not provide it; the text says what would."""


class Exhausted(KernelFileError):  # noqa: N818
    """No descriptors or memory left (EMFILE, ENFILE, ENOMEM): this says nothing about the file."""

    def __init__(self, path: str, strerror: str) -> None:
        super().__init__(f"{path}: {strerror}")


class MalformedFile(KernelFileError):  # noqa: N818
    """The text is not what the kernel documents."""

    def __init__(self, what: str, expected: str, found: bytes) -> None:
        shown = repr(found[:60])[1:] + ("..." if len(found) > 60 else "")
        super().__init__(f"{what}: expected {expected}, found {shown}")
        self.what = what
        self.expected = expected
