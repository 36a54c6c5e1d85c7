"""What counts as a gap, and that no configuration that is accepted makes every sample follow one."""

import itertools

import pytest

from swap_exporter import config
from swap_exporter.history.gap import gap_after
from swap_exporter.history.history import History
from tests.making import MIB, grouping, host, instant, member, process, sample
from tests.making import entry as entry_of


@pytest.mark.parametrize(
    ("span", "tick", "gap"),
    [
        (120.0, 15.0, 120.0),
        (120.0, 120.0, 360.0),
        (30.0, 15.0, 45.0),
        (0.002, 0.001, 10.0),
        (2 * 366 * 86400.0, 0.001, 2 * 366 * 86400.0),
    ],
    ids=["the defaults", "the longest tick", "a short window", "the shortest of both", "the longest window"],
)
def test_a_gap_is_longer_than_the_span_and_than_three_ticks(span: float, tick: float, gap: float) -> None:
    assert gap_after(span, tick) == gap


CORNERS = [
    (tick, window, late)
    for tick, window in [("1ms", "1ms"), ("1ms", "1m"), ("15s", "7500ms"), ("15s", "1m"), ("2m", "1m")]
    for late in (0.001, 0.1, 1.9)
]


@pytest.mark.parametrize(("tick", "window", "late"), CORNERS)
def test_late_ticks_reach_a_verdict_in_every_corner(tick: str, window: str, late: float) -> None:
    """``late``: by so many ticks, and 50 ms for the sample itself; no other process changes."""
    text = f"tick: {tick}\nidle: {{window: {window}, after: 5m}}\nrate_window: 1s\nquiet: {{window: 1s}}\n"
    configuration = config.parse(text.encode(), "test.yml")
    history = History(configuration)
    worker = member(process(swap=90 * MIB), entry_of(idle=configuration.idle))
    steps = itertools.cycle([configuration.tick + 0.05, configuration.tick * (1 + late) + 0.05])
    at, until = 1000.0, 1300.0 + 2 * configuration.tick * (1 + late)
    while at < until:
        observation = history.observe(
            sample(instant(at), [worker.process], host(pswpin=int(at))), grouping([worker])
        )
        at += next(steps)
    assert observation.watching_since[configuration.idle.window] == instant(1000.0)
    assert observation.quiet_pages_per_second is not None
    assert observation.swapin_pages_per_second is not None
