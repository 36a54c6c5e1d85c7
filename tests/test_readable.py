import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.readable import duration, printable, short_time, size


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (99.94 * 2**20, "99.9 MiB"),
        (99.96 * 2**20, "100 MiB"),
        (1023.4 * 2**20, "1023 MiB"),
        (1023.6 * 2**20, "1 GiB"),
        (16 * 2**30, "16 GiB"),
        (10.7 * 2**30, "10.7 GiB"),
    ],
)
def test_sizes_are_short(number, text):
    assert size(number) == text


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
