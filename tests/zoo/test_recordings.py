"""The committed recordings are of real servers, and their truth is what the story makes it."""

from pathlib import Path

import pytest

from tests.zoo.recording import Recording, load
from tests.zoo.truth import Duty, Truth, phases, wake_all_seconds, wake_seconds

DIRECTORY = Path(__file__).with_name("recordings")
SMALL = {"nginx", "haproxy"}
"""Families of which too little is ever displaced."""


@pytest.fixture(scope="module")
def story() -> Recording:
    return load(DIRECTORY / "nights.jsonl.gz")


@pytest.fixture(scope="module")
def truth(story: Recording) -> Truth:
    return Truth(story)


def ends(story: Recording, name: str) -> list[float]:
    return [end for phase, _, end in phases(story) if phase == name]


def duties(story: Recording, truth: Truth, at: float) -> dict[str, set[Duty]]:
    return {
        family: {truth.duty(worker, at) for worker in truth.workers(family, at)}
        for family in story.about["families"]
        if family not in SMALL
    }


def test_it_has_the_workers_of_many_families(story: Recording, truth: Truth) -> None:
    alive = {family: truth.workers(family, story.samples[60].monotonic) for family in story.about["families"]}
    assert len(alive) >= 15
    assert all(alive.values())


def test_all_workers_must_be_counted_at_the_end_of_the_second_night(story: Recording, truth: Truth) -> None:
    found = duties(story, truth, ends(story, "rest")[0])
    assert set().union(*found.values()) == {Duty.COUNT}, found


def test_no_worker_must_be_counted_at_the_end_of_a_load(story: Recording, truth: Truth) -> None:
    for end in (*ends(story, "morning"), *ends(story, "load_while_out")):
        assert all(Duty.COUNT not in found for found in duties(story, truth, end).values())


def test_workers_in_swap_must_not_be_counted_while_they_serve(story: Recording, truth: Truth) -> None:
    (end,) = ends(story, "load_while_out")
    for family in ("gunicorn-sync", "uvicorn", "hypercorn", "uwsgi", "puma"):
        for worker in truth.workers(family, end):
            assert truth.duty(worker, end) is Duty.LEAVE
            assert story.samples[0].readings[worker].vm_swap == 0
            assert truth.last(worker, end).swap > 10 << 20  # type: ignore[union-attr]


def test_every_family_says_what_waking_one_costs(story: Recording) -> None:
    costs = {family: wake_seconds(story, family) for family in story.about["families"]}
    assert all(cost is not None and -0.01 < cost < 10 for cost in costs.values()), costs


def test_every_family_says_what_waking_all_costs(story: Recording) -> None:
    costs = {family: wake_all_seconds(story, family) for family in story.about["families"]}
    assert all(cost is not None and 0 < cost < 10 for cost in costs.values()), costs


def test_idle_workers_fault_while_their_cgroup_thrashes(story: Recording, truth: Truth) -> None:
    (begin, end) = next((begin, end) for phase, begin, end in phases(story) if phase == "thrash")
    before, *_, after = (s for s in story.samples if begin <= s.monotonic <= end)
    faults = [
        after.readings[worker].majflt - before.readings[worker].majflt
        for worker in truth.workers("puma", end)
    ]
    assert min(faults) > 500
    assert not [answer for answer in story.answers if begin <= answer.sent <= end]
