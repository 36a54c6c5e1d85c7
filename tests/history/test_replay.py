"""Verdicts on recordings of real servers, compared with who really answered and what each worker lacked.

A new rule is tried here in seconds. ``tests/zoo/recordings`` says what was recorded, and how.
"""

from collections import Counter

import pytest

from tests.history.replay import loaded, recordings, replay
from tests.zoo.accuracy import silent
from tests.zoo.truth import Duty, Truth

KNOWN = {"crowd": {"granian", "gunicorn-uvicorn", "hypercorn", "memcached", "puma", "rq", "uvicorn"}}
"""By recording: the families of which some verdicts are wrong, as docs/accuracy.md says. No other may be."""

KNOWN_WITH_MORE_SAMPLES = {"crowd": {"node-cluster"}}
"""The same for three samples in each tick."""

OFFSETS = [0.0, 0.3, 0.6]
"""Ticks: which second samples fall on changes no verdict."""


@pytest.fixture(scope="module", params=recordings(), ids=lambda path: path.name.partition(".")[0])
def case(request):
    """A recording, its families that are to be right, and its name."""
    recording, name = loaded(request.param), request.param.name.partition(".")[0]
    unknown = {*silent(recording), *KNOWN.get(name, ())}
    return recording, set(recording.about["families"]) - unknown, name


@pytest.mark.parametrize("offset", OFFSETS)
def test_every_worker_that_must_be_counted_is_and_no_other(case, offset):
    recording, families, _ = case
    truth = Truth(recording)
    wrong, judged = Counter(), Counter()
    for seen in replay(recording, offset):
        if seen.worker.family not in families:
            continue
        duty = truth.duty(seen.worker.index, seen.at)
        judged[duty] += 1
        if duty is not Duty.OPEN and seen.counted is not (duty is Duty.COUNT):
            wrong[seen.worker.family, duty] += 1
    assert judged[Duty.COUNT] > 50
    assert judged[Duty.LEAVE] > 50
    assert not wrong


def test_more_samples_change_no_verdict(case):
    recording, families, name = case
    families = families - KNOWN_WITH_MORE_SAMPLES.get(name, set())
    truth = Truth(recording)
    wrong = Counter(
        seen.worker.family
        for seen in replay(recording, scale=1 / 3)
        if seen.worker.family in families
        and (duty := truth.duty(seen.worker.index, seen.at)) is not Duty.OPEN
        and seen.counted is not (duty is Duty.COUNT)
    )
    assert not wrong
