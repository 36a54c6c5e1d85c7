"""Whose SwapPss is read when, on a clock made by hand."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.details.swap_pss_scheduler import (
    JITTER,
    MAX_AGE,
    Coverage,
    ProportionalSwap,
    PssReading,
    SwapPssScheduler,
)
from swap_exporter.sampling.sample import Process
from swap_exporter.settings import Proportional
from tests import making
from tests.making import MIB

FAMILY = (4, 5, 6)


def process(
    pid: int,
    swap: int | None = 100 * MIB,
    layout: tuple[int, int, int] | None = FAMILY,
    resident: int | None = 50 * MIB,
    start: int = 7,
) -> Process:
    return making.process(pid, swap=swap, resident=resident)._replace(layout=layout, start_ticks=start)


class Course:
    """A schedule, the time, and reading that takes ``cost`` seconds and gives a third of VmSwap."""

    def __init__(self, share: float = 0.01, largest: int | None = None, cost: float = 0.01) -> None:
        self.scheduler = SwapPssScheduler(Proportional(share, largest))
        self.now = 1000.0
        self.cost = cost
        self.reads: list[int] = []

    def observe(self, *processes: Process, others: Iterable[Process] = ()) -> ProportionalSwap:
        return self.scheduler.observe([*processes, *others], processes, self.now)

    def read(self, until: float | None = None, refuse: bool = False) -> list[int]:
        """The pids of what is read until then, or until nothing is due."""
        done = []
        while due := self.scheduler.next():
            target, not_before = due
            if until is not None and not_before > until:
                break
            self.now = max(self.now, not_before)
            began, self.now = self.now, self.now + self.cost
            reading = None if refuse else PssReading(target.swap or 0, (target.swap or 0) // 3)
            self.scheduler.attempted(target, reading, began, self.now)
            done.append(target.pid)
        return done


def values(result: ProportionalSwap) -> dict[int, int]:
    return {pid: swap for (pid, _), swap in result.known.items()}


NOTHING = Coverage(0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("mine", "others", "known", "coverage"),
    [
        pytest.param(process(1, swap=0), [process(2)], None, NOTHING, id="nothing in swap"),
        pytest.param(process(1, swap=0, layout=None), [], None, NOTHING, id="nothing in swap, hidden layout"),
        pytest.param(process(1, swap=9), [process(2, layout=(1, 2, 3))], 9, NOTHING, id="shares with nobody"),
        pytest.param(process(1), [process(2, swap=0)], None, Coverage(0, 0, 1, 0, 0), id="may share"),
        pytest.param(process(1, layout=None), [], None, Coverage(0, 0, 1, 0, 0), id="cannot be told"),
        pytest.param(process(1, swap=None), [], None, Coverage(0, 0, 0, 0, 1), id="VmSwap is not readable"),
        pytest.param(process(1, swap=101 * MIB), [process(2)], None, Coverage(0, 0, 0, 1, 0), id="too large"),
        pytest.param(
            process(1, resident=None), [process(2)], None, Coverage(0, 0, 1, 0, 0), id="not too large"
        ),
        pytest.param(process(1, swap=400 * MIB), [], 400 * MIB, NOTHING, id="large, but shares with nobody"),
    ],
)
def test_what_is_known_without_reading(
    mine: Process, others: list[Process], known: int | None, coverage: Coverage
) -> None:
    course = Course(largest=150 * MIB)
    result = course.observe(mine, others=others)
    assert result == ProportionalSwap({} if known is None else {mine.identity: known}, coverage)
    assert (course.scheduler.next() is not None) is (coverage.waiting > 0)


def test_a_value_is_read_once_and_kept() -> None:
    course = Course()
    family = (process(1), process(2))
    assert course.observe(*family).coverage == Coverage(0, 0, 2, 0, 0)
    assert course.read() == [1, 2]
    both = {1: 100 * MIB // 3, 2: 100 * MIB // 3}
    result = course.observe(*family)
    assert (values(result), result.coverage) == (both, Coverage(2, 0, 0, 0, 0))
    result = course.observe(*family)
    assert (values(result), result.coverage) == (both, Coverage(0, 2, 0, 0, 0))
    assert course.read() == []


@pytest.mark.parametrize(
    ("now", "due"),
    [
        pytest.param([process(1), process(2)], [], id="nothing changed"),
        pytest.param([process(1, swap=101 * MIB), process(2)], [], id="one percent"),
        pytest.param([process(1, swap=101 * MIB + 4096), process(2)], [1], id="more than that"),
        pytest.param([process(1, swap=98 * MIB), process(2)], [1], id="less"),
        pytest.param([process(1), process(2), process(3, swap=0)], [1, 2], id="a sharer was born"),
        pytest.param([process(1), process(2), process(3, layout=(1, 2, 3))], [], id="somebody else was born"),
        pytest.param([process(1, start=8), process(2)], [1], id="the pid was reused"),
        pytest.param([process(1), process(2, swap=104 * MIB)], [2, 1], id="a neighbour was pushed out"),
        pytest.param([process(1), process(2, swap=0)], [1], id="a neighbour has read all back"),
        pytest.param(
            [process(1), process(2, swap=98 * MIB)], [2], id="a neighbour by one percent of their sum"
        ),
        pytest.param(
            [process(1, swap=200 * MIB), process(2, swap=400 * MIB)], [2, 1], id="most changed first"
        ),
        pytest.param([process(1, swap=400 * MIB), process(2), process(3)], [3, 1, 2], id="new ones first"),
    ],
)
def test_what_is_read_again(now: list[Process], due: list[int]) -> None:
    course = Course()
    course.observe(process(1), process(2))
    course.read()
    result = course.observe(*now)
    assert result.coverage.waiting == len(due)
    assert course.read() == due


def test_the_old_value_counts_until_the_new_one_is_read() -> None:
    course = Course()
    course.observe(process(1), process(2))
    course.read()
    result = course.observe(process(1, swap=300 * MIB), process(2))
    assert (values(result)[1], result.coverage) == (100 * MIB // 3, Coverage(0, 0, 2, 0, 0))
    course.read()
    assert values(course.observe(process(1, swap=300 * MIB), process(2)))[1] == 100 * MIB


def test_a_value_goes_to_nobody_else() -> None:
    course = Course()
    course.observe(process(1), process(2))
    course.read()
    assert values(course.observe(process(1, start=8), process(2))) == {2: 100 * MIB // 3}


def test_a_reading_that_comes_too_late_is_forgotten() -> None:
    course = Course()
    course.observe(process(1), process(2))
    course.observe(process(2), others=[process(3, swap=0)])
    course.scheduler.attempted(process(1), PssReading(3, 1), course.now, course.now)
    assert values(course.observe(process(1), process(2))) == {}


def test_who_is_the_last_of_its_family_needs_no_reading_any_more() -> None:
    course = Course()
    course.observe(process(1), process(2))
    course.read()
    assert course.observe(process(2)) == ProportionalSwap({(2, 7): 100 * MIB}, NOTHING)


def test_values_grow_old_one_by_one() -> None:
    course = Course(cost=0.0)
    family = [process(pid) for pid in range(1, 101)]
    course.observe(*family)
    course.read()
    waiting = []
    for later in (-1.0, JITTER * 0.25, JITTER * 0.5, JITTER * 0.75, JITTER + 1):
        course.now = 1000.0 + MAX_AGE + later
        waiting.append(course.observe(*family).coverage.waiting)
    assert waiting == pytest.approx([0, 25, 50, 75, 100], abs=3)


def test_the_oldest_of_those_that_only_grew_old_is_first() -> None:
    course = Course(cost=1.0, share=1.0)
    course.observe(process(3), process(1), process(2))
    assert course.read() == [3, 1, 2]
    course.now += MAX_AGE + JITTER + 10
    course.observe(process(1), process(2, swap=100 * MIB + 4096), process(3))
    assert course.read() == [3, 1, 2]


def test_a_refusal_is_not_asked_again_at_each_sample() -> None:
    course = Course()
    family = (process(1, layout=None), process(2, layout=None))
    course.observe(*family)
    assert course.read(refuse=True) == [1, 2]
    result = course.observe(*family)
    assert result == ProportionalSwap({}, Coverage(0, 0, 0, 0, 2))
    assert course.read() == []
    course.now += MAX_AGE + JITTER + 1
    course.observe(*family)
    assert course.read() == [1, 2]
    assert len(course.observe(*family).known) == 2


def test_who_was_out_of_reach_is_tried_again_at_the_next_sample() -> None:
    course = Course()
    family = (process(1), process(2))
    course.observe(*family)
    for target in family:
        course.scheduler.attempted(target, None, 1.0, 1.0, again=True)
    assert course.scheduler.next() is None
    assert course.observe(*family).coverage.waiting == 2
    assert course.read() == [1, 2]


@pytest.mark.parametrize(("share", "pause"), [(0.01, 10.0), (0.5, 0.2), (1.0, 0.1)])
def test_the_longer_a_reading_took_the_later_the_next(share: float, pause: float) -> None:
    course = Course(share=share, cost=0.1)
    course.observe(process(1), process(2))
    course.read(until=course.now)
    due = course.scheduler.next()
    assert due is not None
    assert due[0].pid == 2
    assert due[1] == pytest.approx(course.now + pause)


def test_a_new_sample_does_not_shorten_the_pause() -> None:
    course = Course(cost=1.0)
    course.observe(process(1), process(2))
    course.read(until=course.now)
    ended = course.now
    course.observe(process(1), process(2), process(3))
    due = course.scheduler.next()
    assert due is not None
    assert due[1] == pytest.approx(ended + 100)


def test_no_share_no_reading() -> None:
    course = Course(share=0.0)
    assert course.observe(process(1), process(2)).coverage.waiting == 2
    assert course.scheduler.next() is None
    course.scheduler.configure(Proportional(0.5))
    assert course.read() == [1, 2]


SWAP = st.sampled_from([None, 0, MIB, MIB + 4096, 2 * MIB, 300 * MIB])
LAYOUT = st.sampled_from([None, (1, 1, 1), (2, 2, 2)])
POPULATION = st.dictionaries(st.integers(1, 6), st.tuples(SWAP, LAYOUT, st.integers(1, 2)), max_size=6).map(
    lambda members: [
        process(pid, swap=swap, layout=layout, start=start) for pid, (swap, layout, start) in members.items()
    ]
)


@given(
    st.lists(st.tuples(POPULATION, st.floats(0, 400), st.booleans(), st.sampled_from([0.0, 0.5, 5.0]))),
    st.sampled_from([0.01, 0.25, 1.0]),
)
def test_whatever_happens(course_of: list[tuple[list[Process], float, bool, float]], share: float) -> None:
    course = Course(share=share, largest=200 * MIB)
    spent, dearest, began = 0.0, 0.0, course.now
    for population, later, refuse, cost in course_of:
        dearest = max(dearest, cost)
        course.now += later
        course.cost = cost
        wanted = population[: len(population) // 2 + 1]
        result = course.scheduler.observe(population, wanted, course.now)
        coverage = result.coverage
        identities = {one.identity for one in wanted}
        assert result.known.keys() <= identities
        known_without = [
            one
            for one in wanted
            if one.swap == 0
            or (
                one.swap is not None
                and one.layout is not None
                and [other.layout for other in population].count(one.layout) == 1
            )
        ]
        assert all(result.known.get(one.identity, 0) == one.swap for one in known_without)
        told = coverage.read + coverage.kept + coverage.waiting + coverage.too_large + coverage.denied
        assert told == len(wanted) - len(known_without)
        end = course.now + 100.0
        done = course.read(until=end, refuse=refuse)
        spent += cost * len(done)
        assert len(done) == len(set(done)) <= coverage.waiting
        course.now = max(course.now, end)
        # The pause after the last reading, which may have been the dearest, may still be going on.
        assert spent <= (course.now - began) * share + dearest
