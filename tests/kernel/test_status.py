"""/proc/PID/status, whose memory lines are not always there."""

import os

import psutil
import pytest

from swap_exporter.kernel import status
from swap_exporter.kernel.errors import MalformedFile

WORKER = (
    b"Name:\tgunicorn\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t812\nPid:\t812\nPPid:\t800\n"
    b"Uid:\t1000\t33\t1000\t33\nGid:\t33\t33\t33\t33\nVmHWM:\t    9000 kB\nVmRSS:\t    1692 kB\n"
    b"RssAnon:\t     116 kB\nRssFile:\t    1576 kB\nVmSwap:\t   24420 kB\nThreads:\t1\n"
    b"voluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t3\n"
)
ZOMBIE = b"Name:\tsh\nState:\tZ (zombie)\nUid:\t0\t0\t0\t0\nThreads:\t1\n"


def test_every_field_of_a_captured_file() -> None:
    assert status.parse(WORKER) == status.Status(
        effective_uid=33,
        swap=24420 * 1024,
        resident=1692 * 1024,
        resident_anonymous=116 * 1024,
        switches=b"\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t3\n",
        voluntary_switches=5,
    )


def test_what_others_may_change_ends_with_the_line_of_swap() -> None:
    head = status.up_to_swap(WORKER)
    assert WORKER.startswith(head)
    assert head.endswith(b"VmSwap:\t   24420 kB\n")
    assert status.up_to_swap(ZOMBIE) == b""


def test_without_an_address_space_sizes_are_none() -> None:
    assert status.parse(ZOMBIE) == status.Status(0, None, None, None, None, None)


def test_a_kernel_without_rss_anon_still_tells_swap() -> None:
    parsed = status.parse(WORKER.replace(b"RssAnon:\t     116 kB\n", b""))
    assert (parsed.swap, parsed.resident_anonymous) == (24420 * 1024, None)


def test_a_name_cannot_forge_a_line() -> None:
    """The kernel writes a newline in a name as backslash and n."""
    forged = WORKER.replace(b"gunicorn", b"x\\nVmSwap:\t9 kB\\nUid:\t0\t0")
    assert status.parse(forged) == status.parse(WORKER)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Name:\tsh\n",
        WORKER[:-1],
        WORKER[:60],
        WORKER.replace(b"24420 kB", b"24420"),
        WORKER.replace(b"24420 kB", b"lots kB"),
        WORKER.replace(b"24420 kB", b"9" * 5000 + b" kB"),
        WORKER.replace(b"1000\t33\t1000\t33", b"1000"),
        WORKER.replace(b"1000\t33\t1000\t33", b"1000\troot\t1000\t33"),
    ],
)
def test_a_short_or_strange_file_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedFile, match=r"status.*: expected "):
        status.parse(raw)


def test_agrees_with_psutil_on_this_process() -> None:
    with open("/proc/self/status", "rb") as file:
        parsed = status.parse(file.read())
    memory = psutil.Process().memory_full_info()
    assert parsed.effective_uid == os.geteuid()
    assert parsed.resident == pytest.approx(memory.rss, rel=0.1)
    assert parsed.swap == pytest.approx(memory.swap, abs=1 << 20)
