"""The short files of a process: schedstat and cgroup."""

import pytest

from swap_exporter.kernel import cgroup, schedstat
from swap_exporter.kernel.cgroup import Membership
from swap_exporter.kernel.errors import MalformedFile


def test_schedstat() -> None:
    assert schedstat.parse(b"1183340 24880 12\n") == schedstat.Schedstat(1183340, 24880, 12)


@pytest.mark.parametrize("raw", [b"", b"1 2\n", b"1 2 3 4\n", b"1 2 x\n"])
def test_a_strange_schedstat_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedFile, match="schedstat: expected three numbers"):
        schedstat.parse(raw)


def test_cgroup_of_a_hybrid_host_in_the_files_order() -> None:
    raw = b"9:name=systemd:/system.slice/a.service\n2:cpu,cpuacct:/\n0::/system.slice/a.service (deleted)\n"
    assert cgroup.parse(raw) == (
        Membership(9, ("name=systemd",), "/system.slice/a.service"),
        Membership(2, ("cpu", "cpuacct"), "/"),
        Membership(0, (), "/system.slice/a.service (deleted)"),
    )


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"0::/docker:abc/x:y\n", "/docker:abc/x:y"),
        (b"0::/../other\n", "/../other"),
        (b"0::/na\xefve\n", "/na\ufffdve"),
    ],
)
def test_a_cgroup_path_may_hold_anything_but_a_newline(raw: bytes, path: str) -> None:
    assert cgroup.parse(raw) == (Membership(0, (), path),)


def test_a_kernel_without_cgroups_has_none() -> None:
    assert cgroup.parse(b"") == ()


@pytest.mark.parametrize("raw", [b"0:/\n", b"zero::/\n", b"::/\n"])
def test_a_strange_cgroup_line_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedFile, match="cgroup: expected HIERARCHY:CONTROLLERS:PATH"):
        cgroup.parse(raw)
