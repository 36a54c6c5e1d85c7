"""What one step shows: rest, a small request, requests; figures are those measured on real servers."""

import pytest

from swap_exporter.history.work import LEARNED, Level, Step, Usage, Work, judge, step
from swap_exporter.sampling.sample import CpuClock
from swap_exporter.settings import Idle
from tests.making import HZ

WIDE = Idle(cpu=0.004)
"""gunicorn, uvicorn, hypercorn, and patterns of a user's own."""
STILL = Idle(cpu=0.0001)
"""php-fpm, uwsgi, httpd, celery: idle is exactly nothing."""
NEW = Level()


def known(per_15_seconds_ms):
    return Level(per_15_seconds_ms / 1000 / 15, LEARNED)


def did(ms, slices, switches=None, seconds=15.0):
    return Step(seconds, ms / 1000, ms / 1000, slices, switches, faults=0)


@pytest.mark.parametrize(
    ("what", "idle", "level", "step", "expected"),
    [
        ("a sync worker's heartbeat", WIDE, NEW, did(0.6, 1), Work.REST),
        ("a sync worker that requests of others wake", WIDE, known(0.15), did(0.29, 3), Work.REST),
        ("the same, often", WIDE, known(0.15), did(3.3, 35), Work.REST),
        ("gthread's heartbeat", WIDE, NEW, did(1.9, 15, 15), Work.REST),
        ("gthread's dearest heartbeat seen", WIDE, known(1.35), did(2.81, 15, 15), Work.REST),
        ("an idle uvicorn worker", WIDE, NEW, did(36.2, 212, 149), Work.REST),
        ("an idle uvicorn worker, slow machine", WIDE, NEW, did(48.5, 212, 150), Work.REST),
        ("an idle hypercorn worker, disturbed", WIDE, known(27), did(33.8, 180, 158), Work.REST),
        ("a request of 3 ms to a sync worker", WIDE, known(0.15), did(3.8, 5, 2), Work.SMALL),
        ("the same, before rest was seen", WIDE, NEW, did(3.8, 5, 2), Work.UNCLEAR),
        ("a request of 3 ms to gthread", WIDE, known(1.35), did(5.36, 34, 16), Work.SMALL),
        ("a request of 3 ms to a php-fpm worker", STILL, NEW, did(3.2, 3), Work.SMALL),
        ("requests of 2 ms a second to sync workers", WIDE, known(0.15), did(38.9, 69, 55), Work.REQUESTS),
        ("the same, before rest was seen", WIDE, NEW, did(38.9, 69, 55), Work.UNCLEAR),
        ("of 2 ms a second to uvicorn", WIDE, known(27), did(92.4, 336, 193), Work.REQUESTS),
        ("of 2 ms a second to hypercorn", WIDE, known(25), did(64.8, 213, 183), Work.REQUESTS),
        ("of 5 ms a second", STILL, NEW, did(78, 200), Work.REQUESTS),
        ("above idle.cpu", WIDE, NEW, did(90, 80), Work.REQUESTS),
    ],
)
def test_what_a_step_shows(what, idle, level, step, expected):
    assert judge(step, idle, level) is expected, what


def test_a_family_whose_heartbeat_is_known_needs_no_learning():
    redis = Idle(cpu=0.005, heartbeat=0.0022)
    assert judge(did(36, 310), redis, NEW) is Work.REST


def test_a_level_needs_steps_at_rest_before_it_counts():
    level = NEW
    for _ in range(LEARNED):
        assert not level.known
        level = level.learn(0.001)
    assert level.known
    assert level.share == pytest.approx(0.001)


def test_a_level_falls_quickly_and_rises_slowly():
    level = Level(0.002, LEARNED)
    for _ in range(30):
        level = level.learn(0.001)
    assert level.share < 0.0011
    for _ in range(30):
        level = level.learn(0.002)
    assert level.share < 0.0012


def test_silence_is_rest_but_teaches_no_share():
    """A worker that was stopped uses nothing: that says nothing about the heartbeats of the others."""
    level = Level(0.002, 3).silent(50)
    assert level.known
    assert level.share == 0.002


def usage(cpu=0.0, user=None, faults=0, ms=None, slices=0, children=0.0):
    ticks = round(cpu * HZ)
    user_ticks = ticks if user is None else round(user * HZ)
    clock = None if ms is None else CpuClock(round(ms * 1e6), slices)
    return Usage(ticks, user_ticks, round(children * HZ), clock, None, faults)


@pytest.mark.parametrize(
    ("what", "before", "now", "cpu"),
    [
        ("the exact clock", usage(ms=0), usage(ms=7.5, slices=3), 0.0075),
        ("ticks, less what cutting may add", usage(), usage(cpu=0.09), 0.07),
        ("ticks where a thread took its time along", usage(ms=900), usage(cpu=0.5, ms=100), 0.48),
        ("children", usage(ms=0), usage(ms=1, children=0.2), 0.201),
        ("idle and thrashing: 9,000 faults", usage(ms=0), usage(cpu=0.39, user=0, faults=9000, ms=390), 0.0),
        (
            "serving and thrashing",
            usage(ms=0),
            usage(cpu=0.47, user=0.08, faults=9000, ms=470),
            pytest.approx(0.07),
        ),
        ("a few file pages", usage(ms=0), usage(cpu=0.02, user=0, faults=40, ms=20), pytest.approx(0.014)),
    ],
)
def test_what_counts_as_cpu_time(what, before, now, cpu):
    assert step(before, now, 15.0, HZ).cpu == pytest.approx(cpu), what


def test_what_waits_for_a_page_is_no_wake_up():
    """Otherwise the faults of a worker that serves while it thrashes would explain its work."""
    did = step(usage(ms=0), usage(cpu=0.34, user=0.1, faults=6400, ms=340, slices=6700), 15.0, HZ)
    assert did.timeslices == 0
    assert judge(did, WIDE, known(1.35)) is Work.REQUESTS
    # gunicorn's sync worker where two dozen servers thrash: it is preempted at every fifth fault.
    did = step(usage(ms=0), usage(cpu=0.24, user=0.03, faults=3337, ms=237, slices=3984), 15.0, HZ)
    assert judge(did, WIDE, known(0.15)) is Work.REQUESTS


def test_a_wake_that_waits_for_ten_pages_a_second_is_no_event_loop():
    """Seen on gunicorn's gthread: 138 waits of its main thread for pages, and 14 heartbeats, in 15
    seconds."""
    before, now = usage(ms=0), usage(cpu=0.05, user=0.01, faults=1132, ms=57, slices=1190)
    did = step(before._replace(switches=0), now._replace(switches=152), 15.0, HZ)
    assert judge(did, WIDE, known(1.35), read_back=True) is Work.REQUESTS


def test_an_event_loop_whose_pages_come_back_is_at_rest():
    """uvicorn's, whose garbage collection went through its heap; and hypercorn's after it was pushed out."""
    before, now = usage(ms=0), usage(cpu=0.06, user=0.02, faults=1040, ms=55, slices=1200)
    did = step(before, now, 15.0, HZ)
    assert judge(did, WIDE, known(27), read_back=True) is Work.REST
    before, now = usage(ms=0), usage(cpu=0.04, user=0.01, faults=410, ms=34.6, slices=570)
    did = step(before._replace(switches=0), now._replace(switches=550), 15.0, HZ)
    assert judge(did, WIDE, NEW) is Work.REST


def test_an_event_loop_that_thrashes_and_serves_is_at_work_where_its_user_time_shows_it():
    """hypercorn's: less its faults it has ten switches a second left, as at rest."""
    before, now = usage(ms=0), usage(cpu=0.34, user=0.06, faults=5853, ms=339, slices=7261)
    did = step(before._replace(switches=0), now._replace(switches=5982), 15.0, HZ)
    assert judge(did, WIDE, known(21)) is Work.REQUESTS


def test_an_event_loop_that_wakes_and_serves_is_at_work():
    before, now = usage(ms=0), usage(cpu=0.09, user=0.03, faults=912, ms=83.5, slices=1200)
    did = step(before._replace(switches=0), now._replace(switches=1060), 15.0, HZ)
    assert judge(did, WIDE, known(27), read_back=True) is Work.REQUESTS
