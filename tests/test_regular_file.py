"""Reading files whose paths a person gives: at once, whole, and never too much."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from swap_exporter import regular_file
from swap_exporter.regular_file import UnsuitableFileError


def test_a_file_is_read_whole_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    assert regular_file.read(path, 100) == regular_file.read(str(path)) == b"x" * 100
    with pytest.raises(UnsuitableFileError, match="is larger than 99 bytes"):
        regular_file.read(path, 99)


@pytest.mark.parametrize(
    ("make", "number"),
    [
        (os.mkfifo, errno.EINVAL),
        (Path.mkdir, errno.EISDIR),
        (lambda path: path.symlink_to("/dev/zero"), errno.EINVAL),
    ],
    ids=["a pipe without a writer", "a directory", "a device"],
)
def test_anything_else_is_refused_and_closed(
    make: Callable[[Path], None], number: int, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    make(path)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(UnsuitableFileError, match="is not a regular file") as raised:
        regular_file.read(path)
    assert raised.value.errno == number
    assert os.listdir("/proc/self/fd") == before
