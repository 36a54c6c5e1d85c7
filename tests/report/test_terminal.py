"""What is drawn, character by character, and what a hostile name can do to it: nothing.

``UPDATE_GOLDEN=1 make test PYTEST_ARGS=tests/report`` writes the golden files anew; read the difference.
"""

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from swap_exporter.grouping.roles import Role
from swap_exporter.report.terminal import draw
from tests.making import HZ, MIB, entry, member, process
from tests.report.making import exported_group, host, reading, report


def drawn(of, width=80, **console):
    file = io.StringIO()
    draw(of, Console(file=file, width=width, highlight=False, markup=False, emoji=False, **console))
    return file.getvalue()


def worker(pid, swap, group, role=Role.WORKER, resident=12 * MIB, faults=0, kind="gunicorn"):
    of = process(pid, swap=swap, resident=resident, major_faults=faults)
    return member(of, entry(kind, builtin=True), role, group)


def a_morning():
    """Stranded gunicorn, php-fpm that comes back, a long name, and something of everything else."""
    members = [worker(9, 30 * MIB, "gunicorn:shop", Role.MASTER)]
    members += [worker(pid, 160 * MIB, "gunicorn:shop") for pid in range(10, 18)]
    members += [worker(pid, 20 * MIB, "php-fpm:www", faults=40, kind="php-fpm") for pid in (20, 21)]
    members += [worker(30, 9 * MIB, "gunicorn:storefront.production.wsgi:application")]
    members += [worker(31, 0, "nginx", kind="nginx")]
    others = [
        process(pid, swap=size * MIB, resident=MIB)._replace(comm=name)
        for pid, name, size in (
            (50, "java", 300),
            (51, "sshd", 1),
            (52, "sshd", 1),
            (53, "cron", 0),
            (54, "a", 1),
        )
    ]
    shares = {(pid, HZ): 60 * MIB for pid in range(9, 18)} | {(30, HZ): 9 * MIB, (50, HZ): 300 * MIB}
    swapped = {"swapped": True, "longest_idle_since": 1_000_000 + 1002 - 277_000.0}
    groups = {
        "gunicorn:shop": exported_group(
            8,
            stranded=480 * MIB,
            idle_swapped_bytes=1280 * MIB,
            idle_swapped_proportional_bytes=480 * MIB,
            wake_bytes=52 * MIB,
            wake_seconds=1.84,
            **swapped,
        ),
        "php-fpm:www": exported_group(0, 2, stranded=0),
        "gunicorn:storefront.production.wsgi:application": exported_group(
            1,
            stranded=9 * MIB,
            idle_swapped_bytes=9 * MIB,
            idle_swapped_proportional_bytes=9 * MIB,
            **swapped,
        ),
        "nginx": exported_group(0, 1, stranded=0),
    }
    return reading(
        members,
        others,
        host(used=1100 * MIB, cached=12 * MIB, swapin_pages=2560, sysv_shm=64 * MIB),
        before={pid: process(pid) for pid in (20, 21)},
        proportional=shares,
        exported=groups,
    )


@pytest.mark.parametrize("width", [50, 80, 120])
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("exporter", lambda: report(a_morning(), 3)),
        ("processes", lambda: report(a_morning(), processes=True)),
        ("alone", lambda: report(reading([worker(10, 160 * MIB, "gunicorn:shop")], of=host(used=200 * MIB)))),
        ("nothing", lambda: report(reading())),
    ],
)
def test_the_whole_drawing(name, make, width):
    golden = Path(__file__).with_name("golden") / f"{name}-{width}.txt"
    text = "".join(f"{line.rstrip()}\n" for line in drawn(make(), width).splitlines())
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()
    assert max(map(cell_len, text.splitlines())) <= width


def test_what_is_not_known_of_the_host_is_left_out():
    blind = replace(host(), meminfo=None, vmstat=None)
    text = drawn(report(reading([worker(10, MIB, "shop")], of=blind)))
    assert "shop" in text
    assert "all used swap" not in text
    assert "available" not in text
    assert "\n\n\n" not in text


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_longer_than_the_terminal_is_wide(width):
    assert max(map(cell_len, drawn(report(a_morning(), processes=True), width).splitlines())) <= width


def test_colours_are_for_terminals_that_want_them(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" not in drawn(report(a_morning()))
    in_terminal = {"force_terminal": True, "color_system": "standard"}
    assert "\x1b[1;33m" in drawn(report(a_morning()), **in_terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;33m" not in drawn(report(a_morning()), **in_terminal)


HOSTILE = [
    "[bold red]x[/]",
    "[/]",
    ":fire:",
    "[link=http://x]x[/link]",
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "a\nb\rc\td",
    "\u202eevil",
    "\x9b31m",
    "",
    "漢字" * 40,
    "x" * 256,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text(name):
    of = reading(
        [worker(10, 100 * MIB, name)], [process(20, swap=MIB)._replace(comm=name)], host(used=200 * MIB)
    )
    for console in ({}, {"force_terminal": True, "color_system": "standard"}):
        text = drawn(report(of, processes=True), 120, **console)
        assert text.count("\n") == len(text.splitlines())
        for escape in ("\x1b[2J", "\x1b]", "\x07", "\r", "\t", "\u202e", "\x9b"):
            assert escape not in text
    if name in HOSTILE[:4]:
        assert name in drawn(report(of), 120)


@given(st.text(), st.text(), st.integers(20, 130))
def test_no_name_breaks_the_drawing(group, command, width):
    of = reading([worker(10, MIB, group)], [process(20, swap=MIB)._replace(comm=command)], host(used=3 * MIB))
    text = drawn(report(of, processes=True), width)
    assert all(character.isprintable() or character == "\n" for character in text)


def test_what_is_marked_is_explained():
    text = drawn(report(a_morning()))
    assert "40 MiB*" in text
    assert "\n* VmSwap" in text
    assert " 40 flt/s" in text
    assert "\nflt/s: major page faults" in text
    honest = drawn(report(reading([worker(10, 0, "a")], of=host(used=5 * MIB))))
    assert "* VmSwap" not in honest
    assert "flt/s" not in honest


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ({"shop": exported_group(1)}, "what waking costs: from http://127.0.0.1:10059/metrics."),
        ({"other": exported_group(1)}, "http://127.0.0.1:10059/metrics knows none of these groups"),
        (
            {"shop": exported_group(unknown=1)},
            "http://127.0.0.1:10059/metrics has not watched for long enough",
        ),
    ],
)
def test_what_the_exporter_knows_of_is_said(groups, said):
    of = reading([worker(10, MIB, "shop")], of=host(used=5 * MIB), exported=groups)
    assert said in drawn(report(of), 200)


@pytest.mark.parametrize(
    ("group", "cell"),
    [
        (exported_group(4, unknown=2), " 4+2?/4 of 6 "),
        (exported_group(0, 4, unknown=2), " 0+2?/0 of 6 "),
        (exported_group(4, 2), " 4/4 of 6 "),
    ],
)
def test_idle_workers_are_shown_beside_those_that_are_not_known_yet(group, cell):
    members = [worker(pid, MIB, "shop") for pid in range(10, 16)]
    text = drawn(report(reading(members, of=host(used=9 * MIB), exported={"shop": group})), 120)
    assert cell in text
    assert ("\n+N?: N more workers may be idle" in text) is ("?" in cell)


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (None, "A running exporter knows; none was found here (--from URL names one)."),
        ("http://h/metrics: answers 401", "A running exporter knows; http://h/metrics: answers 401."),
    ],
)
def test_why_no_exporter_was_asked_is_said(problem, said):
    of = replace(reading([worker(10, MIB, "shop")], of=host(used=5 * MIB)), problem=problem)
    assert said in drawn(report(of), 400)


def test_a_host_that_is_seen_in_part_is_said_so():
    whole = report(reading())
    assert "Not every process" not in drawn(whole)
    assert "Not every process of this machine is visible" in drawn(replace(whole, whole_host=False))
    assert "The memory of 2 processes could not be read." in drawn(replace(whole, unreadable=2))
