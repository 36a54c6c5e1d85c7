"""Whether a /proc numbers processes as this one does."""

import ctypes
import os
from pathlib import Path

import pytest

from swap_exporter.kernel import pid_namespace
from swap_exporter.kernel.errors import MalformedFile
from tests.require import require
from tests.sampling.children import forked


def test_the_real_proc_is_this_processes_own() -> None:
    assert pid_namespace.is_own("/proc")


@pytest.mark.parametrize(
    ("status", "own"),
    [
        (b"Name:\tapp\nNSpid:\t12\nVmRSS:\t1 kB\n", True),
        (b"Name:\tapp\nNSpid:\t4711\t12\n", False),
        (b"Name:\tNSpid:\t1\nNSpid:\t4711\t12\t1\n", False),
    ],
)
def test_one_pid_means_one_namespace(tmp_path: Path, status: bytes, own: bool) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/status").write_bytes(status)
    assert pid_namespace.is_own(str(tmp_path)) is own


def test_a_kernel_that_does_not_tell_is_no_yes(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/status").write_bytes(b"Name:\tapp\n")
    with pytest.raises(MalformedFile, match="NSpid"):
        pid_namespace.is_own(str(tmp_path))


def test_a_captured_proc_is_not_own(tmp_path: Path) -> None:
    assert not pid_namespace.is_own(str(tmp_path))


def test_a_container_tells_its_hosts_proc_from_its_own(tmp_path: Path) -> None:
    require(os.geteuid() == 0, "needs root, to make namespaces")

    def check() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        mount_namespace, new_pid_namespace, private_and_recursive = 0x20000, 0x20000000, 0x44000
        assert libc.unshare(mount_namespace | new_pid_namespace) == 0, os.strerror(ctypes.get_errno())
        assert libc.mount(b"none", b"/", None, private_and_recursive, None) == 0

        def inside() -> None:
            assert os.getpid() == 1
            assert not pid_namespace.is_own("/proc")  # still the host's
            assert libc.mount(b"proc", bytes(tmp_path), b"proc", 0, None) == 0
            assert pid_namespace.is_own(str(tmp_path))

        forked(inside)

    forked(check)


def test_a_proc_in_which_this_process_is_invisible_is_not_own(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to("4711")
    assert not pid_namespace.is_own(str(tmp_path))
