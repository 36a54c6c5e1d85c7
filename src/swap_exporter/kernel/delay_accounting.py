"""Whether the kernel counts what tasks wait for: https://docs.kernel.org/accounting/delay-accounting.html

``/proc/sys/kernel/task_delayacct`` contains ``1\\n`` or ``0\\n`` since 5.14; accounting is off unless this or
``delayacct`` on the kernel command line turns it on. Before 5.14 there is no such file and accounting is on
unless the command line says ``nodelayacct``. Without CONFIG_TASK_DELAY_ACCT there is no such file either.

A task is measured if accounting was on when it was forked, and while it is on. Turning it on does not measure
running tasks, but it does measure threads that they start afterwards. Only the counts show which tasks are
measured.
"""

from typing import NamedTuple

from swap_exporter.kernel import files
from swap_exporter.kernel.errors import MalformedFile, Vanished


class DelayAccounting(NamedTuple):
    on: bool | None
    """``None`` without the sysctl: accounting cannot be turned off, or the kernel has none."""
    at_boot: bool
    """The kernel command line turned it on."""


def parse(sysctl: bytes | None, command_line: bytes) -> DelayAccounting:
    """From the contents of both files; ``None`` for a missing sysctl. Raises MalformedFile."""
    if sysctl not in (b"0\n", b"1\n", None):
        raise MalformedFile("sys/kernel/task_delayacct", "0 or 1", sysctl)
    words = command_line.split()
    if sysctl is None:
        return DelayAccounting(False if b"nodelayacct" in words else None, False)
    return DelayAccounting(sysctl == b"1\n", b"delayacct" in words)


def read(procfs: str) -> DelayAccounting:
    """Raises Denied, Exhausted, Unreadable or MalformedFile."""
    try:
        sysctl = files.read(f"{procfs}/sys/kernel/task_delayacct")
    except Vanished:
        sysctl = None
    try:
        command_line = files.read(f"{procfs}/cmdline")
    except Vanished:
        command_line = b""
    return parse(sysctl, command_line)
