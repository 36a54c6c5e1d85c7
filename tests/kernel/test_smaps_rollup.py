"""/proc/PID/smaps_rollup."""

import os

import pytest

from swap_exporter.kernel import files, smaps_rollup
from swap_exporter.kernel.errors import Denied, MalformedFile, Vanished
from tests.require import require
from tests.sampling.children import become_nobody, forked

ROLLUP = (
    b"55d2f2c3a000-7ffd5f7f6000 ---p 00000000 00:00 0                          [rollup]\n"
    b"Rss:              105636 kB\nPss:               40000 kB\nSwap:              62400 kB\n"
    b"SwapPss:           20801 kB\nLocked:                0 kB\n"
)


def test_swap_pss_is_in_bytes() -> None:
    assert smaps_rollup.parse(ROLLUP) == smaps_rollup.SmapsRollup(swap_pss=20801 * 1024)


@pytest.mark.parametrize(
    "raw", [b"", ROLLUP.replace(b"SwapPss", b"SwapXss"), ROLLUP.replace(b"20801", b"many"), ROLLUP[:-50]]
)
def test_without_swap_pss_it_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedFile, match="smaps_rollup: expected a line 'SwapPss: NUMBER kB'"):
        smaps_rollup.parse(raw)


def test_this_process_has_one() -> None:
    assert smaps_rollup.parse(files.read("/proc/self/smaps_rollup")).swap_pss >= 0


def test_a_process_without_memory_has_vanished() -> None:
    child = os.posix_spawn("/bin/true", ["true"], os.environ)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    with pytest.raises(Vanished):
        files.read(f"/proc/{child}/smaps_rollup")
    os.waitpid(child, 0)


def test_of_others_it_is_denied_to_nobody() -> None:
    require(os.geteuid() == 0, "needs root, to become nobody")

    def check() -> None:
        become_nobody()
        with pytest.raises(Denied):
            files.read(f"/proc/{os.getppid()}/smaps_rollup")

    forked(check)
