"""/proc/sysvipc/shm, of several kernels."""

from pathlib import Path

import pytest

from swap_exporter.kernel import sysvipc
from swap_exporter.kernel.errors import MalformedFile

HEADER = (
    b"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime"
    b"      dtime      ctime                   rss                  swap\n"
)
SEGMENT = b"  %d  %d  600  41943040  4711  4711  %d  0  0  0  0  1700000000  0  1700000000  4096  %d\n"


def test_all_segments_count_attached_or_not() -> None:
    raw = HEADER + SEGMENT % (-5, 1, 0, 4096) + SEGMENT % (2147483647, 32768, 3, 1 << 40)
    assert sysvipc.parse(raw) == sysvipc.SharedMemory(swap=4096 + (1 << 40))


def test_no_segment_is_0_and_no_column_is_none() -> None:
    assert sysvipc.parse(HEADER) == sysvipc.SharedMemory(0)
    old = b"       key      shmid perms       size  cpid  lpid nattch   uid   gid\n 0 1 600 4096 1 1 0 0 0\n"
    assert sysvipc.parse(old) == sysvipc.SharedMemory(None)


def test_the_column_is_found_by_its_name() -> None:
    assert sysvipc.parse(b"swap shmid\n7 1\n8 2\n").swap == 15


@pytest.mark.parametrize(
    "raw", [b"", HEADER[:-1], b"rubbish\n", HEADER + b"1 2 3\n", HEADER + SEGMENT[:-3] % (1, 1, 0) + b"x\n"]
)
def test_a_strange_list_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedFile, match="sysvipc/shm: expected "):
        sysvipc.parse(raw)


def test_of_this_machine() -> None:
    assert sysvipc.parse(Path("/proc/sysvipc/shm").read_bytes()).swap is not None
