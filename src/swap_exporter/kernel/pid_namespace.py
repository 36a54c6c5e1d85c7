"""NSpid in /proc/self/status: proc_pid_status(5), pid_namespaces(7), since 4.1.

::

    NSpid:\\t4711\\t12

The reader's pid in the namespace of that /proc, then in each one below, down to the reader's own: a single
number means that they are the same.
"""

import re

from swap_exporter.kernel import files
from swap_exporter.kernel.errors import MalformedFile, Vanished

_NSPID = re.compile(rb"^NSpid:((?:\t\d+)+)$", re.MULTILINE)


def is_own(procfs: str) -> bool:
    """Whether pids in ``procfs`` are the pids that system calls of this process use.

    Raises Denied, Exhausted, Unreadable, or MalformedFile where the kernel is too old.
    """
    try:
        status = files.read(f"{procfs}/self/status")
    except Vanished:
        return False  # this process is not visible there, or it is no proc at all
    pids = _NSPID.search(status)
    if pids is None:
        raise MalformedFile(f"{procfs}/self/status", "a line 'NSpid: PID...'", status)
    return pids[1].count(b"\t") == 1
