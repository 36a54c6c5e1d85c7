"""Reading: whole files, through a descriptor, and each refusal under its name."""

import os
import resource
from pathlib import Path

import pytest

from swap_exporter.kernel import files
from swap_exporter.kernel.errors import Denied, Exhausted, Unreadable, Vanished
from tests.require import require
from tests.sampling.children import become_nobody, forked


def test_a_file_longer_than_one_read_is_read_to_its_end() -> None:
    """vmstat comes in pieces."""
    with open("/proc/vmstat", "rb") as file:
        names = [line.split()[0] for line in file]
    assert [line.split()[0] for line in files.read("/proc/vmstat").splitlines()] == names


@pytest.mark.parametrize("length", [0, 1, 8191, 8192, 8193, 100_000])
def test_every_length(tmp_path: Path, length: int) -> None:
    content = os.urandom(length)
    (tmp_path / "file").write_bytes(content)
    assert files.read(str(tmp_path / "file")) == content
    assert files.read(str(tmp_path / "file"), limit=8192) == content[:8192]


@pytest.mark.parametrize("length", [0, 1, 8191, 8192, 8193, 100_000])
def test_every_length_of_a_record(tmp_path: Path, length: int) -> None:
    content = os.urandom(length)
    (tmp_path / "file").write_bytes(content)
    assert files.read_record(str(tmp_path / "file")) == content


@pytest.mark.parametrize("file", ["stat", "status", "schedstat", "cgroup"])
def test_files_of_a_process_are_one_record(file: str) -> None:
    directory = files.open_directory("/proc/1")
    try:
        record, whole = files.read_record(file, directory), files.read(file, directory)
        assert record.endswith(b"\n")
        assert record.count(b"\n") == whole.count(b"\n")
    finally:
        os.close(directory)


def test_an_open_file_speaks_of_its_process_only() -> None:
    child = os.posix_spawn("/bin/sleep", ["sleep", "60"], os.environ)
    descriptor = files.open_file(f"/proc/{child}/stat")
    try:
        assert os.pread(descriptor, 1000, 0).startswith(b"%d (" % child)
        os.kill(child, 9)
        os.waitpid(child, 0)
        with pytest.raises(ProcessLookupError):
            os.pread(descriptor, 1000, 0)
    finally:
        os.close(descriptor)


def test_numbers_in_a_directory(tmp_path: Path) -> None:
    for name in ("20", "3", "self", "\u0663", "1a"):
        (tmp_path / name).touch()
    assert files.list_numbers(str(tmp_path)) == [3, 20]


def test_a_file_is_read_relative_to_a_directory_and_no_descriptor_is_left() -> None:
    before = os.listdir("/proc/self/fd")
    directory = files.open_directory("/proc/self")
    try:
        assert files.read("comm", directory) == Path("/proc/self/comm").read_bytes()
        assert files.list_directory("task", directory) == os.listdir("/proc/self/task")
    finally:
        os.close(directory)
    assert os.listdir("/proc/self/fd") == before


def test_a_descriptor_speaks_of_its_process_only() -> None:
    child = os.posix_spawn("/bin/sleep", ["sleep", "60"], os.environ)
    directory = files.open_directory(f"/proc/{child}")
    try:
        assert files.read("stat", directory).startswith(b"%d (" % child)
        os.kill(child, 9)
        os.waitpid(child, 0)
        with pytest.raises(Vanished):
            files.read("stat", directory)
    finally:
        os.close(directory)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Vanished, match="/nothing: not there"):
        files.read(f"{tmp_path}/nothing")
    with pytest.raises(Vanished):
        files.open_directory(f"{tmp_path}/nothing")
    with pytest.raises(Vanished):
        files.list_directory(f"{tmp_path}/nothing")


def test_other_refusals_say_why(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=f"{tmp_path}: Is a directory"):
        files.read(str(tmp_path))
    with pytest.raises(Unreadable, match="Not a directory"):
        files.open_directory("/proc/version")


def test_permission_denied() -> None:
    require(os.geteuid() == 0, "needs root, to become nobody")

    def check() -> None:
        become_nobody()
        with pytest.raises(Denied, match="/proc/1/environ: permission denied"):
            files.read("/proc/1/environ")

    forked(check)


def test_being_out_of_descriptors_is_no_fault_of_the_file() -> None:
    def check() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
        with pytest.raises(Exhausted, match="Too many open files"):
            files.read("/proc/self/stat")

    forked(check)
