"""/proc/PID/cmdline: proc_pid_cmdline(5).

::

    /usr/bin/python3\\0-m\\0http.server\\0

The process can rewrite it at any moment (setproctitle), usually to one text padded with NULs. It is empty for
kernel threads and zombies, and for a moment during exec. Any bytes are a command line: nothing is malformed.
"""

from swap_exporter.kernel.text import decode

LIMIT = 128 << 10
"""So much is worth reading, in bytes. A process may declare its whole memory to be its command line
(PR_SET_MM_MAP); the kernel's own bound for one argument is this."""


ARGUMENTS = 64
"""So many are told apart: one that is a byte takes eighty in memory."""


def parse(raw: bytes) -> tuple[str, ...]:
    """argv: NULs at the end stripped, split at the others; ``()`` if nothing remains.

    What follows the first ``ARGUMENTS - 1`` is one more, joined with single spaces.
    """
    stripped = raw.rstrip(b"\0")
    if not stripped:
        return ()
    *first, last = decode(stripped).split("\0", ARGUMENTS - 1)
    return (*first, last.replace("\0", " "))
