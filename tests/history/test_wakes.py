"""What a page costs: what most take, with a margin, over the wakes that were seen. Wild values are none."""

import pytest

from swap_exporter.history.wakes import MARGIN, Wakes
from swap_exporter.kernel.taskstats import TaskDelays
from tests.making import process, sample

WORKER = process()


def woken(*readings, threads=1, runnable=0.0):
    """Feed (pages, seconds waited) of one process, a second apart, each on top of those before."""
    wakes = Wakes()
    pages, waited = 0, 0.0
    for second, (more, wait) in enumerate([(0, 0.0), *readings]):
        pages, waited = pages + more, waited + wait
        delays = {
            WORKER.identity: TaskDelays(
                pages, round(second * runnable * 1e9), round(waited * 1e9), measured=True
            )
        }
        wakes.observe(sample(1000 + second, [WORKER._replace(threads=threads)]), delays)
    return wakes.seconds_per_page()


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([(1000, 0.1)] * 19, None),
        ([(1000, 0.1)] * 20, 0.0001),
        ([(63, 0.1)] * 50, None),
        ([(64, 0.0064)] * 20, 0.0001),
        ([(1000, 0.1)] * 20 + [(1000, 0.9)] * 6, 0.0001),
        ([(1000, 0.1)] * 20 + [(1000, 0.01)] * 50, 0.0001),
        ([(1000, 0.1)] * 19 + [(1000, 1065.0)] * 5, None),
        ([(1000, 0.0)] * 30, None),
        ([(1000, 0.9)] * 100 + [(1000, 0.1)] * 100, 0.0001),
        ([(150, 0.075)] * 40 + [(7000, 0.7)] * 10, 0.0001),
    ],
    ids=[
        "too few",
        "enough",
        "too few pages to be a wake",
        "just enough pages",
        "few that waited wildly do not move it",
        "nor do many whose waits were lost",
        "longer than time passed",
        "no wait at all",
        "only the last hundred count",
        "many heartbeats do not move it",
    ],
)
def test_seconds_per_page(readings, expected):
    found = woken(*readings)
    assert found == (expected if expected is None else pytest.approx(MARGIN * expected))


@pytest.mark.parametrize(("runnable", "expected"), [(0.05, 0.00015), (0.1, 0.0002), (0.9, 0.0002)])
def test_what_the_cpu_takes_counts_up_to_the_wait(runnable, expected):
    assert woken(*[(1000, 0.1)] * 20, runnable=runnable) == pytest.approx(MARGIN * expected)


def test_several_threads_can_wait_for_longer_than_time_passes():
    assert woken(*[(1000, 3.0)] * 20, threads=4) == pytest.approx(MARGIN * 0.003)


def test_a_process_that_is_seen_for_the_first_time_is_no_wake():
    wakes = Wakes()
    for second in range(40):
        newcomer = process(10 + second)
        delays = {newcomer.identity: TaskDelays(1000, 1, 100_000_000, measured=True)}
        wakes.observe(sample(1000 + second, [newcomer]), delays)
    assert wakes.seconds_per_page() is None
