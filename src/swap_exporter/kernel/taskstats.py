"""What processes waited for: https://docs.kernel.org/accounting/taskstats.html, over netlink.

The layout is in include/uapi/linux/taskstats.h. New fields are appended, but version 15 (6.14, 6.15) inserted
some, which version 16 undid. Up to version 10 (before 5.17) swapin_count counts waits instead of pages: such
kernels are refused.
"""

from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

from swap_exporter.kernel.errors import MalformedFile, Unavailable
from swap_exporter.kernel.netlink import GenericNetlink, find

_NAME = "TASKSTATS"
_GET, _ATTR_PID, _ATTR_TGID = 1, 1, 2
_STATS, _AGGREGATE_PID, _AGGREGATE_TGID = 3, 4, 5

_VERSION = Struct("=H")
_OLDEST, _WPCOPY_SINCE, _INSERTING = 11, 13, 15
# cpu_delay_total, blkio_count, blkio_delay_total, swapin_count, cpu_run_virtual_total, freepages_count,
# wpcopy_count
_FIELDS = Struct("=24x4Q16xQ232xQ80xQ")
_FIELDS_BEFORE_WPCOPY = Struct("=24x4Q16xQ232xQ")
_FIELDS_INSERTING = Struct("=24xQ16x2Q16xQ32xQ232xQ128xQ")


class TaskDelays(NamedTuple):
    """Sums over all threads that started while accounting was on, including ended ones."""

    swapin_pages: int
    """swapin_count: pages read from swap for its faults, including readahead and zero-filled pages. A large
    folio that is read as one counts once."""
    runnable_ns: int
    """cpu_run_virtual_total + cpu_delay_total: on a CPU, or in the queue for one."""
    blkio_delay_ns: int
    """Waits for block I/O, including that of files. It can jump by the time since boot, often with fast
    disks: the kernel ends waits whose start it has not seen. An increase by more than the elapsed time for
    each thread is wrong."""
    measured: bool
    """At least one count is not 0. Since 6.0 page copies after a fork or exec are among them, which every
    process has. If ``False``, the process is not measured and its counts mean nothing."""


class TaskStats:
    """A taskstats socket. Not thread-safe."""

    def __init__(self) -> None:
        """Raises Denied, Vanished where the kernel has no taskstats, Exhausted or Unreadable."""
        self._netlink = GenericNetlink(_NAME)

    def read(self, tgids: Iterable[int]) -> dict[int, TaskDelays]:
        """By process; one that has ended is missing. Pids are those of this process' pid namespace.

        Raises Denied without CAP_NET_ADMIN, Exhausted, Unreadable, Unavailable or MalformedFile.
        """
        return self._read(_ATTR_TGID, tgids)

    def leaders(self, tgids: Iterable[int]) -> dict[int, TaskDelays]:
        """The first thread of each process only. If it is measured, accounting was on when the process
        started; counts of later threads do not show that. Raises as :meth:`read`."""
        return self._read(_ATTR_PID, tgids)

    def close(self) -> None:
        self._netlink.close()

    def _read(self, attribute: int, pids: Iterable[int]) -> dict[int, TaskDelays]:
        return {
            pid: parse(find(find(attributes, _AGGREGATE_PID, _AGGREGATE_TGID), _STATS))
            for pid, attributes in self._netlink.ask(_GET, attribute, pids)
        }


def parse(raw: bytes) -> TaskDelays:
    """A ``struct taskstats``. Raises MalformedFile, or Unavailable where the kernel is too old."""
    if len(raw) < _VERSION.size:
        raise MalformedFile(_NAME, "a version", raw)
    version: int = _VERSION.unpack_from(raw)[0]
    if version < _OLDEST:
        raise Unavailable(
            f"{_NAME}: version {version} counts waits instead of pages; it takes kernel 5.17 or newer"
        )
    fields = _FIELDS
    if version < _WPCOPY_SINCE:
        fields = _FIELDS_BEFORE_WPCOPY
    elif version == _INSERTING:
        fields = _FIELDS_INSERTING
    if len(raw) < fields.size:
        raise MalformedFile(f"{_NAME}, version {version}", f"more than {len(raw)} bytes", raw)
    queued_ns, blkio_count, blkio_ns, swapin_count, running_ns, *others = fields.unpack_from(raw)
    measured = bool(blkio_count or swapin_count or any(others))
    return TaskDelays(swapin_count, running_ns + queued_ns, blkio_ns, measured)
