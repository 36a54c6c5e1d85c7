"""/proc/PID/stat, whatever a process calls itself."""

import os
import signal
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.kernel import stat, text
from swap_exporter.kernel.errors import MalformedFile

CAT = (
    b"14710 (%b) R 14620 14620 10224 0 -1 4194304 98 0 7 0 2 1 40 5 20 0 3 0 122539 3133440 414"
    b" 18446744073709551615 94431468634112 94431468653993 140726527776864 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0"
    b" 94431468670000 94431468671616 94432265932800 140726527781592 140726527781612 140726527781612"
    b" 140726527782891 0\n"
)
KTHREADD = (
    b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 7 0 0 20 0 1 0 31 0 0 18446744073709551615 0 0 0 0 0 0 0"
    b" 2147483647 0 0 0 0 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
)


def test_every_field_of_a_captured_line() -> None:
    assert stat.parse(CAT % b"cat") == stat.Stat(
        pid=14710,
        comm="cat",
        state="R",
        parent_pid=14620,
        kernel_thread=False,
        major_faults=7,
        cpu_ticks=3,
        user_ticks=2,
        children_cpu_ticks=45,
        threads=3,
        start_ticks=122539,
        virtual_bytes=3133440,
        resident_pages=414,
        layout=(94431468634112, 140726527776864, 94432265932800),
    )


def test_signals_that_have_a_handler() -> None:
    handlers = {signal.SIGUSR1: 10, signal.SIGWINCH: 28}
    before = {number: signal.signal(number, lambda *_: None) for number in handlers}
    try:
        caught = stat.parse(Path("/proc/self/stat").read_bytes()).caught_signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert [number for number in handlers.values() if caught >> (number - 1) & 1] == [10, 28]
    assert not caught >> (signal.SIGKILL - 1) & 1


def test_a_kernel_thread_is_told_by_its_flag_and_has_no_layout() -> None:
    kthreadd = stat.parse(KTHREADD)
    assert kthreadd.kernel_thread
    assert kthreadd.layout is None


def test_a_hidden_layout_is_none() -> None:
    hidden = CAT.replace(b" 94431468634112 94431468653993 140726527776864", b" 1 1 0") % b"cat"
    assert stat.parse(hidden.replace(b"94432265932800", b"0")).layout is None


@pytest.mark.parametrize(
    ("comm", "shown"),
    [
        (b"", ""),
        (b") S 1 (", ") S 1 ("),
        (b"a) R 99 ", "a) R 99 "),
        (b"((((", "(((("),
        (b"))))", "))))"),
        (b"two\nlines", "two\nlines"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("größe".encode(), "größe"),
        ("€".encode()[:2], "\ufffd\ufffd"),
    ],
)
def test_the_name_cannot_be_taken_for_other_fields(comm: bytes, shown: str) -> None:
    parsed = stat.parse(CAT % comm)
    assert (parsed.comm, parsed.state, parsed.parent_pid) == (shown, "R", 14620)


@given(st.binary(max_size=15))
def test_any_name_leaves_the_numbers_alone(comm: bytes) -> None:
    assert stat.parse(CAT % comm) == stat.parse(CAT % b"cat")._replace(comm=text.decode(comm))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        (CAT % b"cat")[:-1],
        (CAT % b"cat")[:100] + b"\n",
        b"1 (cat) S 1\n",
        b"1 cat S 1\n",
        b") 1 (cat\n",
        (CAT % b"cat").replace(b"122539", b"soon"),
        (CAT % b"cat").replace(b"122539", b"9" * 5000),
    ],
)
def test_a_short_or_strange_line_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedFile, match=r"stat: expected 'PID \(comm\) STATE PPID"):
        stat.parse(raw)


def test_agrees_with_psutil_on_this_process() -> None:
    with open("/proc/self/stat", "rb") as file:
        parsed = stat.parse(file.read())
    me = psutil.Process()
    assert (parsed.pid, parsed.parent_pid, parsed.comm) == (os.getpid(), os.getppid(), me.name())
    started = psutil.boot_time() + parsed.start_ticks / os.sysconf("SC_CLK_TCK")
    assert started == pytest.approx(me.create_time(), abs=1)
    assert parsed.virtual_bytes == pytest.approx(me.memory_info().vms, rel=0.1)
