"""A rate is taken since the newest reading that is at least a window old."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.history.rate import Rate


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([], None),
        ([(0, 5)], None),
        ([(0, 0), (59, 590)], None),
        ([(0, 0), (60, 600)], 10.0),
        ([(0, 0), (15, 0), (30, 0), (45, 0), (60, 0), (75, 600)], 10.0),
        ([(0, 0), (70, 700), (80, 1500)], 1500 / 80),
        ([(0, 0), (600, 600)], 1.0),
        ([(0, 0), (601, 601)], None),
        ([(0, 100), (60, 50)], None),  # the counter started anew
        ([(0, 100), (60, 50), (120, 110)], 1.0),
    ],
    ids=[
        "nothing read",
        "one reading",
        "not a window yet",
        "exactly a window",
        "the newest that is old enough",
        "over the time that really passed",
        "ten windows",
        "more than ten windows says nothing about now",
        "a counter that fell",
        "and what follows it",
    ],
)
def test_rate(readings, expected):
    rate = Rate(60)
    for at, value in readings:
        rate.add(at, value)
    assert rate.per_second() == expected


@pytest.mark.parametrize(("every", "most"), [(15.0, 5), (1.0, 61), (0.99, 62), (0.01, 62)])
def test_what_is_remembered_is_bounded_however_often_it_is_read(every, most):
    rate = Rate(60)
    for reading in range(10_000):
        rate.add(reading * every, 7 * reading * every)
        assert len(rate._readings) <= most
    assert rate.per_second() == pytest.approx(7)


@given(st.lists(st.tuples(st.floats(0.01, 40), st.integers(0, 1000)), min_size=1, max_size=300))
def test_it_is_taken_over_a_window_and_little_more_unless_nobody_read(steps):
    rate, at, value = Rate(60), 0.0, 0
    readings = []
    for elapsed, more in steps:
        at, value = at + elapsed, value + more
        readings.append((at, value))
        rate.add(at, value)
    told = rate.per_second()
    if told is None:
        assert at - readings[0][0] < 60
        return
    first_at = max(when for when, _ in readings if at - when >= 60)
    possible = [(value - then) / (at - when) for when, then in readings if first_at - 1 <= when <= first_at]
    assert any(told == pytest.approx(each) for each in possible)
