"""/proc/PID/cmdline: proc_pid_cmdline(5).

::

    /usr/bin/python3\\0-m\\0http.server\\0

The process can rewrite it at any moment (setproctitle), usually to one text padded with NULs. It is empty for
kernel threads and zombies, and for a moment during exec. Any bytes are a command line: nothing is malformed.
"""

from swap_exporter.kernel.text import decode

LIMIT = 128 << 10
"""Bytes to read. A process may declare all of its memory to be its command line (PR_SET_MM_MAP); the kernel
allows one argument this size."""

ARGUMENTS = 64
"""Arguments to keep apart: even one of a single byte takes eighty bytes of memory."""


def parse(raw: bytes) -> tuple[str, ...]:
    """argv: NULs at the end stripped, split at the others; ``()`` if nothing remains.

    All after the first ``ARGUMENTS - 1`` become one, joined with single spaces.
    """
    stripped = raw.rstrip(b"\0")
    if not stripped:
        return ()
    *first, last = decode(stripped).split("\0", ARGUMENTS - 1)
    return (*first, last.replace("\0", " "))
