"""``report`` where people see it: in a terminal, with its progress, and what is left on the screen then."""

from tests.cli.test_cli import PROGRAM
from tests.system.waiting import wait_until
from tests.terminal import ENDED, Terminal

REPORT = [*PROGRAM, "report"]


def test_progress_is_shown_while_it_waits_and_is_gone_then():
    with Terminal([*REPORT, "--interval=3"]) as terminal:
        wait_until("progress is on the screen", lambda: "taking two samples ━" in terminal.screen())
        wait_until("it has ended", lambda: f"{ENDED} 0" in terminal.screen())
        lines = terminal.screen().splitlines()
    assert not [line for line in lines if "taking two samples" in line]
    # The sentence stands at the top: what showed the progress has left no line behind.
    assert lines[0].strip()


def test_an_interrupt_leaves_a_clean_screen():
    with Terminal([*REPORT, "--interval=60"]) as terminal:
        wait_until("progress is on the screen", lambda: "taking two samples ━" in terminal.screen())
        terminal.press("C-c")
        wait_until("it has ended", lambda: ENDED in terminal.screen())
        lines = [line.removeprefix("^C") for line in terminal.screen().splitlines() if line.strip()]
    assert lines == [f"{ENDED} 130"]
