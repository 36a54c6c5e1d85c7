"""A rate is taken since the newest reading that is at least a window old."""

import pytest

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


def test_what_is_remembered_is_bounded_by_the_window():
    rate = Rate(60)
    for second in range(10_000):
        rate.add(second, second)
    assert len(rate._readings) == 61
