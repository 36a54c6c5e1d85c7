"""/proc/PID/mountinfo."""

from pathlib import Path

import pytest

from swap_exporter.kernel import mountinfo
from swap_exporter.kernel.errors import MalformedFile
from swap_exporter.kernel.mountinfo import Mount


@pytest.mark.parametrize(
    ("line", "mount"),
    [
        (
            b"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 master:1 - cgroup cgroup rw,memory\n",
            Mount("/", "/sys/fs/cgroup/memory", "cgroup", ("rw", "memory")),
        ),
        (
            b"41 31 0:38 /../.. /host/cg rw - cgroup2 cgroup2 rw,nsdelegate\n",
            Mount("/../..", "/host/cg", "cgroup2", ("rw", "nsdelegate")),
        ),
        (
            b"1 0 8:1 /a\\040b /c\\134d rw - ext4 /dev/odd - rw\n",
            Mount("/a b", "/c\\d", "ext4", ("- rw",)),
        ),
    ],
)
def test_a_mount(line: bytes, mount: Mount) -> None:
    assert mountinfo.parse(line) == (mount,)


@pytest.mark.parametrize("line", [b"1 2 3\n", b"1 2 3 4 5 6 7 8 9\n", b"1 2 0:1 / /x rw - ext4\n"])
def test_a_strange_line_is_refused(line: bytes) -> None:
    with pytest.raises(MalformedFile, match="mountinfo: expected ID"):
        mountinfo.parse(line)


def test_this_process_sees_its_proc() -> None:
    mounts = mountinfo.parse(Path("/proc/self/mountinfo").read_bytes())
    assert "/proc" in [mount.path for mount in mounts if mount.kind == "proc"]
