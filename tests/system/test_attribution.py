"""Who holds the used swap, on a machine with every kind of swap at once."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.system import independent
from tests.system.cgroup import MemoryCgroup
from tests.system.conftest import Start
from tests.system.exporter import Exporter, Scrape, hurried_families
from tests.system.family import MIB, Family
from tests.system.waiting import wait_until

SYSV, MEMFD, TMPFS = 25 * MIB, 30 * MIB, 20 * MIB
_HOLDER = f"""
import ctypes, mmap, os, tempfile
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
segment = libc.shmget(0, {SYSV}, 0o1600)
at = libc.shmat(segment, None, 0)
libc.shmctl(segment, 0, None)  # IPC_RMID: gone with the last who is attached
ctypes.memmove(at, os.urandom({SYSV}), {SYSV})
memfd = os.memfd_create("test")
os.truncate(memfd, {MEMFD})
mapped = mmap.mmap(memfd, {MEMFD})
mapped.write(os.urandom({MEMFD}))
file = tempfile.TemporaryFile(dir="/dev/shm")
file.write(os.urandom({TMPFS}))
file.flush()
print(flush=True)
input()
"""


@contextmanager
def shared_memory(cgroup: MemoryCgroup) -> Iterator[int]:
    """A process, by its pid, with so much SysV shared memory, a memfd and a file in a tmpfs."""
    with subprocess.Popen(
        cgroup.command(sys.executable, "-c", _HOLDER), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline()
        try:
            yield holder.pid
        finally:
            holder.kill()


def owned(scrape: Scrape, owner: str) -> float:
    return scrape.value("swap_host_attributed_bytes", owner=owner)


def test_each_kind_of_swap_is_told_by_its_owner(cgroup: MemoryCgroup, start: Start) -> None:
    settings = {"proportional": {"share_of_time": 0.2}}
    with (
        Family(cgroup, shared=40, private=5, children=3, name="forked") as forked,
        Family(cgroup, shared=35, name="alone") as alone,
        shared_memory(cgroup) as holder,
    ):
        exporter = start(Exporter(hurried_families("forked", settings=settings)))
        before = exporter.scrape()
        cgroup.push_out()

        def told() -> bool:
            scrape = exporter.scrape()
            cached = scrape.value("swap_host_cached_bytes")
            assert cached < 20 * MIB, "too much lies in memory and in swap at once"
            grouped = independent.proportional_swap(*forked.pids)
            assert grouped > (40 + 3 * 5) * MIB
            assert owned(scrape, "grouped") == pytest.approx(grouped, rel=0.01)
            ungrouped = independent.proportional_swap(alone.pid, holder)
            assert ungrouped > 35 * MIB
            assert owned(scrape, "ungrouped") - owned(before, "ungrouped") == pytest.approx(
                ungrouped, rel=0.01
            )
            assert owned(scrape, "sysv_shm") - owned(before, "sysv_shm") == pytest.approx(SYSV, rel=0.01)
            rest = "swap_host_unattributed_bytes"
            told = scrape.value(rest) - before.value(rest)
            assert 0.98 * (MEMFD + TMPFS) < told < 1.02 * (MEMFD + TMPFS) + cached
            return True

        wait_until("all is told as it is", told)
