"""The definitions of active, busy, idle, cold, displaced and swapped, each in numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.history.watch import Activity, Watch, activity, advance, begin, displaced
from swap_exporter.settings import Idle, Swapped
from tests.making import HZ, MIB, instant, process

GUNICORN = Idle(after=300, cpu=0.004, window=60)
STILL = Idle(after=300, cpu=0.0001, window=300)
SWAPPED = Swapped(min_bytes=MIB, min_ratio=0.25)


def follow(readings, idle=GUNICORN, swapped=SWAPPED, born=None):
    """Watch one process over (seconds, CPU seconds, VmSwap[, RssAnon]); return memory, reading and time."""
    watch = None
    for seconds, cpu, swap, *resident in readings:
        at = instant(seconds)
        reading = process(cpu=cpu, swap=swap, resident=resident[0] if resident else 10 * MIB)
        if watch is None:
            watch = begin(reading, at, None if born is None else instant(born))
        watch = advance(watch, reading, at, idle, swapped, HZ)
    return watch, reading, at


def every(step, until, cpu_per_second, swap=0, start=0.0):
    """Readings of a process that uses CPU steadily."""
    return [(start + second, second * cpu_per_second, swap) for second in range(0, until + 1, step)]


@pytest.mark.parametrize(
    ("cpu", "active"),
    [
        (0.00, False),
        (0.24, False),  # 24 ticks less the one that may be older: 0.23 s of the 0.24 s that 0.4 % of 60 s are
        (0.25, True),
        (5.00, True),
    ],
)
def test_a_worker_is_active_from_its_share_of_cpu_over_the_window_less_one_tick(cpu, active):
    watch, _, _ = follow([(0, 100.0, 0), (15, 100.0 + cpu, 0)])
    assert (watch.last_active is not None) is active


@pytest.mark.parametrize(("cpu", "active"), [(0.49, True), (0.48, False)])
def test_over_more_than_a_window_the_share_is_taken_of_the_time_that_passed(cpu, active):
    watch, _, _ = follow([(0, 0.0, 0), (120, cpu, 0)])
    assert (watch.last_active is not None) is active


def test_cpu_of_children_that_were_waited_for_is_activity():
    first = process(cpu=1, children_cpu=1)
    watch = begin(first, instant(0))
    watch = advance(watch, process(cpu=1, children_cpu=2), instant(15), GUNICORN, SWAPPED, HZ)
    assert watch.last_active == instant(15)


@pytest.mark.parametrize(
    ("name", "cpu_per_second", "idle"),
    [
        ("php-fpm, uwsgi, httpd, nginx, celery", 0.0, STILL),
        ("gunicorn sync", 15e-6, GUNICORN),
        ("uvicorn", 1740e-6, GUNICORN),
        ("uvicorn on a machine that is slow to wake", 3230e-6, GUNICORN),
        ("gunicorn gthread", 147e-6, GUNICORN),
        ("gunicorn asgi, at 0.05 %", 222e-6, Idle(after=300, cpu=0.0005, window=300)),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 15, 60])
def test_heartbeats_are_not_activity(name, cpu_per_second, idle, step):
    watch, _, at = follow(every(step, 1260, cpu_per_second), idle=idle)
    assert activity(watch, at, idle) is Activity.IDLE, name


@pytest.mark.parametrize("idle", [GUNICORN, STILL], ids=["0.4 %", "0.01 %"])
@pytest.mark.parametrize("step", [1, 7, 15, 60])
def test_one_request_a_second_of_five_milliseconds_is_busy(idle, step):
    watch, _, at = follow(every(step, 660, 0.005), idle=idle)
    assert activity(watch, at, idle) is Activity.BUSY


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        (0, Activity.UNKNOWN),
        (299, Activity.UNKNOWN),
        (300, Activity.IDLE),
    ],
)
def test_idle_takes_as_long_to_know_as_it_must_last(seconds, verdict):
    watch = begin(process(), instant(1000))
    assert activity(watch, instant(1000 + seconds), GUNICORN) is verdict


@pytest.mark.parametrize(
    ("seconds_after", "verdict"),
    [(0, Activity.BUSY), (299, Activity.BUSY), (300, Activity.IDLE)],
)
def test_busy_lasts_for_idle_after(seconds_after, verdict):
    watch, _, _ = follow([(0, 0.0, 0), (400, 50.0, 0)])
    assert activity(watch, instant(400 + seconds_after), GUNICORN) is verdict


def test_one_that_the_exporter_saw_born_is_watched_from_its_birth():
    watch, _, _ = follow([(10, 0.0, 0)], born=2)
    assert activity(watch, instant(302), GUNICORN) is Activity.IDLE


def test_a_newborn_that_imports_its_application_is_active():
    watch, _, _ = follow([(10, 1.5, 3 * MIB)], born=2)
    assert watch.last_active == instant(10)
    assert watch.cold == 3 * MIB


def test_a_gap_starts_the_watch_anew_but_keeps_what_is_cold_and_when_it_was_active():
    watch, _, _ = follow([(0, 0.0, 0), (15, 5.0, 4 * MIB)])
    late = instant(3600)
    watch = advance(watch, process(cpu=5.0, swap=9 * MIB), late, GUNICORN, SWAPPED, HZ, gap=True)
    assert activity(watch, late, GUNICORN) is Activity.UNKNOWN
    assert (watch.since, watch.last_active, watch.cold) == (late, instant(15), 4 * MIB)


def test_a_clock_step_changes_nothing():
    watch = begin(process(), instant(0))
    watch = advance(watch, process(cpu=0.0), instant(30, stepped=-86400), GUNICORN, SWAPPED, HZ)
    assert activity(watch, instant(300, stepped=7200), GUNICORN) is Activity.IDLE


def test_time_in_suspend_is_not_time_in_which_a_worker_could_have_worked():
    watch = begin(process(), instant(0))
    assert activity(watch, instant(299, suspended=36000), GUNICORN) is Activity.UNKNOWN


@pytest.mark.parametrize(
    ("used", "active"), [(0.25, True), (0.24, False)], ids=["a window's worth", "less than that"]
)
def test_after_a_restart_a_windows_worth_of_cpu_is_activity_however_long_it_took(used, active):
    watch, _, _ = follow([(0, 7.0, 0)])
    late = instant(1800)
    watch = advance(
        watch, process(cpu=7.0 + used, swap=8 * MIB), late, GUNICORN, SWAPPED, HZ, gap=True, resumed=True
    )
    assert (watch.last_active == late) is active
    assert watch.cold == (8 * MIB if active else 0)


def test_cold_is_zero_until_a_worker_has_been_active():
    watch, reading, _ = follow([(0, 0.0, 90 * MIB), (15, 0.0, 100 * MIB)])
    assert displaced(reading, watch.cold) == 100 * MIB


def test_what_stays_in_swap_while_a_worker_serves_is_cold_and_not_displaced():
    readings = [(0, 0.0, 100 * MIB), (15, 2.0, 80 * MIB), (30, 4.0, 68 * MIB), (45, 4.0, 68 * MIB)]
    watch, reading, _ = follow(readings)
    assert watch.cold == 68 * MIB
    assert displaced(reading, watch.cold) == 0
    assert not watch.swapped


def test_only_what_went_out_since_it_was_active_is_displaced():
    watch, reading, _ = follow([(0, 0.0, 0), (15, 2.0, 68 * MIB), (90, 2.0, 100 * MIB)])
    assert displaced(reading, watch.cold) == 32 * MIB


def test_reading_back_never_displaces_less_than_nothing():
    watch, reading, _ = follow([(0, 0.0, 0), (15, 2.0, 68 * MIB), (90, 2.0, 10 * MIB)])
    assert displaced(reading, watch.cold) == 0


@pytest.mark.parametrize(
    ("swap", "resident", "swapped"),
    [
        (MIB - 1, 0, False),  # less than min_bytes
        (MIB, 0, True),
        (MIB, 3 * MIB, True),  # exactly a quarter
        (MIB, 3 * MIB + 1, False),
        (0, 0, False),
        (None, None, False),
    ],
)
def test_swapped_takes_both_bounds(swap, resident, swapped):
    reading = process(swap=swap, resident=resident)
    watch = advance(begin(reading, instant(0)), reading, instant(0), GUNICORN, SWAPPED, HZ)
    assert watch.swapped is swapped


@pytest.mark.parametrize(("resident", "swapped"), [(2833, True), (2834, False)])
def test_once_swapped_it_stays_so_down_to_six_tenths_of_the_ratio(resident, swapped):
    readings = [(0, 0.0, 500, 0), (15, 0.0, 500, resident)]
    watch, _, _ = follow(readings, swapped=Swapped(min_bytes=1, min_ratio=0.25))
    assert watch.swapped is swapped


def test_no_bound_at_all_still_needs_something_displaced():
    watch, _, _ = follow([(0, 0.0, 0, 0)], swapped=Swapped(min_bytes=0, min_ratio=0.0))
    assert not watch.swapped


def test_a_kernel_without_rss_anon_is_judged_by_the_whole_resident_size():
    reading = process(swap=MIB, resident=3 * MIB)._replace(resident_anonymous=None)
    watch = advance(begin(reading, instant(0)), reading, instant(0), GUNICORN, SWAPPED, HZ)
    assert watch.swapped


def test_swap_that_cannot_be_read_keeps_the_last_verdict():
    seen = process(swap=90 * MIB, resident=0)
    watch = advance(begin(seen, instant(0)), seen, instant(0), GUNICORN, SWAPPED, HZ)
    unseen = seen._replace(swap=None)
    watch = advance(watch, unseen, instant(15), GUNICORN, SWAPPED, HZ)
    assert watch.swapped
    assert displaced(unseen, watch.cold) is None


@given(
    steps=st.lists(
        st.tuples(st.floats(0.5, 100), st.integers(0, 50), st.integers(0, 1 << 36), st.integers(0, 1 << 36)),
        min_size=1,
        max_size=40,
    )
)
def test_how_often_it_is_scraped_never_makes_an_idle_worker_of_a_steadily_busy_one_nor_breaks_a_bound(steps):
    seconds, ticks = 0.0, 0
    watch: Watch | None = None
    for elapsed, used, swap, resident in steps:
        seconds += elapsed
        ticks += used
        at = instant(seconds)
        reading = process(swap=swap, resident=resident)._replace(cpu_ticks=ticks)
        before = watch or begin(reading, at)
        watch = advance(before, reading, at, GUNICORN, SWAPPED, HZ)
        missed = displaced(reading, watch.cold)
        assert 0 <= missed <= swap
        assert watch.anchor <= seconds
        assert watch.anchor_ticks <= ticks
        if watch.swapped:
            assert missed >= SWAPPED.min_bytes
        if watch.last_active == at:
            assert activity(watch, at, GUNICORN) is Activity.BUSY
            assert missed == 0


@given(offsets=st.lists(st.floats(1, 14.9), min_size=40, max_size=80))
def test_two_scrapers_at_any_times_see_the_same_as_one(offsets):
    """5 ms a second stays busy, a uvicorn heartbeat stays idle, whenever samples fall."""
    seconds, times = 0.0, [0.0]
    for offset in offsets:
        seconds += offset
        times.append(seconds)
    for rate, verdict in ((0.005, Activity.BUSY), (0.00323, None)):
        watch, _, at = follow([(second, int(second * rate * HZ) / HZ, 0) for second in times])
        if verdict is Activity.BUSY and seconds >= 75:
            assert activity(watch, at, GUNICORN) is verdict
        if verdict is None:
            assert watch.last_active is None
