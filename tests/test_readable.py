import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.readable import duration, printable, short_time, size
from tests.require import require


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0B"),
        (1023, "1023B"),
        (4096, "4.0Ki"),
        (10 << 10, "10Ki"),
        (1023.9 * 1024, "1023Ki"),
        (402 << 20, "402Mi"),
        (1331 << 20, "1.3Gi"),
        ((2 << 30) - 4096, "2.0Gi"),
        (61 << 30, "61Gi"),
        (3 << 40, "3.0Ti"),
    ],
)
def test_sizes(number, text):
    assert size(number) == text


def test_sizes_are_those_of_free():
    require(shutil.which("free"), "free is not installed: apt install procps")
    exact, short = (
        subprocess.run(["free", option], capture_output=True, text=True, check=True, timeout=60)
        .stdout.splitlines()[1]
        .split()[1]
        for option in ("-b", "-h")
    )
    assert size(int(exact)) == short


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0s"),
        (59, "59s"),
        (60, "1m"),
        (330, "5m 30s"),
        (3600, "1h"),
        (3630, "1h"),
        (4 * 3600 + 125, "4h 2m"),
        (3 * 86400 + 4 * 3600 + 59, "3d 4h"),
    ],
)
def test_durations_have_two_units_at_most(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0094, "9ms"), (0.1, "0.1s"), (1.26, "1.3s"), (12.6, "12s"), (125, "2m 5s")]
)
def test_short_times(seconds, text):
    assert short_time(seconds) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("gunicorn:shop", "gunicorn:shop"),
        ("a\x1b[31mb\n", r"a\x1b[31mb\n"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("größe", "größe"),
        ("x" * 81, "x" * 79 + "…"),
    ],
)
def test_names_are_shown_as_text(text, shown):
    assert printable(text) == shown


@given(st.text())
def test_nothing_that_a_name_holds_is_more_than_text(text):
    assert printable(text).isprintable()
    assert len(printable(text)) <= 80
