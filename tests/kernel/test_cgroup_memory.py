"""The files of a memory cgroup, of both versions and several kernels."""

import pytest

from swap_exporter.kernel import cgroup_memory
from swap_exporter.kernel.cgroup_memory import Stat
from swap_exporter.kernel.errors import MalformedFile


@pytest.mark.parametrize(
    ("raw", "limit"),
    [
        (b"max\n", None),
        (b"0\n", 0),
        (b"104857600\n", 104857600),
        (b"9223372036854771712\n", None),  # v1, pages of 4 KiB
        (b"9223372036854710272\n", None),  # v1, pages of 64 KiB
        (b"18446744073709551615\n", None),
        (b"4611686018427387904\n", 1 << 62),
    ],
)
def test_a_limit(raw: bytes, limit: int | None) -> None:
    assert cgroup_memory.parse_limit("memory.max", raw) == limit


@pytest.mark.parametrize("raw", [b"", b"\n", b"-1\n", b"much\n", b"1 2\n", b"9" * 5000])
def test_a_strange_limit_or_size_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedFile, match=r"memory\.max: expected a number of bytes"):
        cgroup_memory.parse_limit("memory.max", raw)
    with pytest.raises(MalformedFile, match=r"memory\.current: expected a number of bytes"):
        cgroup_memory.parse_size("memory.current", raw)


@pytest.mark.parametrize(
    ("raw", "stat"),
    [
        pytest.param(
            b"anon 4096\nfile 8192\ninactive_anon 1\ninactive_file 8192\npgfault 7\n",
            Stat(8192, None, None),
            id="v2, 5.10",
        ),
        pytest.param(
            b"anon 4096\ninactive_file 8192\nzswpin 3\nzswpout 4\npgscan 1\n",
            Stat(8192, None, None),
            id="v2, 6.1",
        ),
        pytest.param(b"inactive_file 0\npswpin 5\npswpout 6\nzswpin 3\n", Stat(0, 5, 6), id="v2, 6.13"),
        pytest.param(
            b"cache 1\nswap 2\ninactive_file 4096\nhierarchical_memory_limit 9\ntotal_inactive_file 8192\n",
            Stat(8192, None, None),
            id="v1: those below count",
        ),
        pytest.param(b"anon 1\n", Stat(None, None, None), id="nothing of it"),
    ],
)
def test_fields_are_found_by_presence(raw: bytes, stat: Stat) -> None:
    assert cgroup_memory.parse_stat(raw) == stat


@pytest.mark.parametrize("raw", [b"", b"pswpin 1", b"pswpin many\n", b"inactive_file \n"])
def test_a_strange_stat_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedFile, match=r"memory\.stat.*: expected "):
        cgroup_memory.parse_stat(raw)


def test_swap_events() -> None:
    assert cgroup_memory.parse_events(b"max 1\nfail 2\n") == {"max": 1, "fail": 2}  # 4.18
    assert cgroup_memory.parse_events(b"high 0\nmax 1\nfail 2\n") == {"high": 0, "max": 1, "fail": 2}
    assert cgroup_memory.parse_events(b"") == {}


@pytest.mark.parametrize("raw", [b"max\n", b"max 1 2\n", b"max -1\n", b"\xff 1\n", b"\n"])
def test_strange_swap_events_are_refused(raw: bytes) -> None:
    with pytest.raises(MalformedFile, match=r"memory\.swap\.events: expected lines"):
        cgroup_memory.parse_events(raw)
