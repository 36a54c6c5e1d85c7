"""Whether the kernel counts what processes wait for."""

from pathlib import Path

import pytest

from swap_exporter.kernel import delay_accounting
from swap_exporter.kernel.delay_accounting import DelayAccounting
from swap_exporter.kernel.errors import MalformedFile

LINE = b"BOOT_IMAGE=/vmlinuz root=/dev/sda1 quiet\n"


@pytest.mark.parametrize(
    ("sysctl", "command_line", "expected"),
    [
        (b"0\n", LINE, DelayAccounting(on=False, at_boot=False)),
        (b"1\n", LINE, DelayAccounting(on=True, at_boot=False)),
        (b"1\n", b"delayacct " + LINE, DelayAccounting(on=True, at_boot=True)),
        (b"0\n", b"delayacct " + LINE, DelayAccounting(on=False, at_boot=True)),
        (b"1\n", b"nodelayacct " + LINE, DelayAccounting(on=True, at_boot=False)),
        (b"1\n", b"delayacct_other delayacct=1\n", DelayAccounting(on=True, at_boot=False)),
        (None, LINE, DelayAccounting(on=None, at_boot=False)),
        (None, b"nodelayacct\n", DelayAccounting(on=False, at_boot=False)),
        (None, b"", DelayAccounting(on=None, at_boot=False)),
    ],
)
def test_what_the_two_files_say(sysctl: bytes | None, command_line: bytes, expected: DelayAccounting) -> None:
    assert delay_accounting.parse(sysctl, command_line) == expected


@pytest.mark.parametrize("sysctl", [b"", b"2\n", b"on\n"])
def test_a_strange_switch_is_refused(sysctl: bytes) -> None:
    with pytest.raises(MalformedFile, match="task_delayacct: expected 0 or 1"):
        delay_accounting.parse(sysctl, LINE)


def test_files_that_are_not_there_say_nothing(tmp_path: Path) -> None:
    assert delay_accounting.read(str(tmp_path)) == DelayAccounting(None, False)
    (tmp_path / "sys/kernel").mkdir(parents=True)
    (tmp_path / "sys/kernel/task_delayacct").write_bytes(b"1\n")
    (tmp_path / "cmdline").write_bytes(b"quiet delayacct\n")
    assert delay_accounting.read(str(tmp_path)) == DelayAccounting(True, True)


def test_this_machine_agrees_with_itself() -> None:
    switch = Path("/proc/sys/kernel/task_delayacct")
    expected = switch.read_bytes() == b"1\n" if switch.exists() else None
    assert delay_accounting.read("/proc").on in (expected, False)
