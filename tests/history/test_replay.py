"""Verdicts on recordings of real servers, compared with who really answered and what each worker lacked.

A new rule is tried here in seconds. ``tests/zoo/recordings`` says what was recorded, and how.
"""

from collections import Counter

import pytest

from tests.history.replay import loaded, recordings, replay
from tests.zoo.truth import Duty, Truth

OFFSETS = [0.0, 0.3, 0.6]
"""Ticks: which second samples fall on changes no verdict."""


@pytest.fixture(scope="module", params=recordings(), ids=lambda path: path.name.partition(".")[0])
def recording(request):
    return loaded(request.param)


@pytest.mark.parametrize("offset", OFFSETS)
def test_every_worker_that_must_be_counted_is_and_no_other(recording, offset):
    truth = Truth(recording)
    wrong, judged = Counter(), Counter()
    for seen in replay(recording, offset):
        duty = truth.duty(seen.worker.index, seen.at)
        judged[duty] += 1
        if duty is not Duty.OPEN and seen.counted is not (duty is Duty.COUNT):
            wrong[seen.worker.family, duty] += 1
    assert judged[Duty.COUNT] > 50
    assert judged[Duty.LEAVE] > 50
    assert not wrong


def test_more_samples_change_no_verdict(recording):
    truth = Truth(recording)
    wrong = Counter(
        seen.worker.family
        for seen in replay(recording, scale=1 / 3)
        if (duty := truth.duty(seen.worker.index, seen.at)) is not Duty.OPEN
        and seen.counted is not (duty is Duty.COUNT)
    )
    assert not wrong
