"""The definitions of active, busy, idle, cold, displaced and swapped, each in numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.history.activity import (
    PAIR_SECONDS,
    WINDOW_PARTS,
    Activity,
    ActivityState,
    Thresholds,
    Timing,
    activity,
    advance,
    begin,
    displaced,
    due,
    idle_since,
)
from swap_exporter.history.work import Level
from swap_exporter.sampling.sample import CpuClock
from swap_exporter.settings import Idle, Swapped
from tests.making import HZ, MIB, instant, process

GUNICORN = Idle(after=300, cpu=0.004, window=60)
STILL = Idle(after=300, cpu=0.0001, window=300)
SWAPPED = Swapped(min_bytes=MIB, min_ratio=0.25)
SYNC = Level(share=15e-6, steps=100)
"""gunicorn's sync workers, seen at rest."""
RULES = Thresholds(GUNICORN, SWAPPED, SYNC)
TICK = 15.0


class Follow:
    """One process from sample to sample."""

    def __init__(self, idle=GUNICORN, swapped=SWAPPED, level=SYNC, *, born=None, start=0.0):
        self.idle, self.swapped, self.level = idle, swapped, level
        self.state: ActivityState | None = None
        self.previous = start
        self.cpu, self.slices = 0.0, 0
        self.born = born

    def see(self, seconds, *, used=0.0, slices=0, swap=0, resident=10 * MIB, faults=0, user=None, **how):
        """A sample, before which it used ``used`` CPU seconds and woke ``slices`` times."""
        self.cpu, self.slices = self.cpu + used, self.slices + slices
        self.at = instant(seconds)
        self.reading = process(
            cpu=self.cpu,
            swap=swap,
            resident=resident,
            timeslices=self.slices,
            major_faults=faults,
            user=user,
            children_cpu=how.pop("children", 0.0),
            state=how.pop("state", "S"),
        )._replace(voluntary_switches=None)
        if self.state is None:
            born = None if self.born is None else instant(self.born)
            self.state = begin(self.reading, None, self.at, born)
        advanced = advance(
            self.state,
            self.reading,
            None,
            Timing(self.at, self.previous, TICK, HZ),
            Thresholds(self.idle, self.swapped, self.level),
            **how,
        )
        self.state, self.rest = advanced.state, advanced.rest
        self.previous = seconds
        return self

    @property
    def activity(self):
        return activity(self.state, self.at, self.idle)

    @property
    def displaced(self):
        return displaced(self.reading, self.state.cold)


def idle_for(seconds, *, start=0.0, **how):
    """Watched from ``start`` on while it only has a heartbeat."""
    follow = Follow(**how)
    at = start
    while at <= start + seconds:
        follow.see(at, used=0.0002, slices=1)
        at += TICK
    return follow


# Active.


def test_a_request_of_ten_milliseconds_is_activity():
    follow = idle_for(60)
    assert follow.state.last_active is None
    follow.see(75, used=0.011, slices=4)
    assert follow.state.last_active == instant(75)


def test_one_small_request_leaves_it_idle_and_a_second_one_soon_does_not():
    follow = idle_for(300)
    follow.see(315, used=0.003, slices=4)
    assert follow.activity is Activity.IDLE
    follow.see(330, used=0.0002, slices=1)
    assert follow.activity is Activity.IDLE
    follow.see(345, used=0.003, slices=4)
    assert follow.activity is Activity.BUSY


def test_health_checks_a_minute_apart_leave_it_idle_and_displace_nothing():
    follow = idle_for(300)
    for minute in range(5, 25):
        at = minute * 60
        follow.see(at + 15, used=0.005, slices=4, swap=100 * MIB, faults=minute)
        for later in (30, 45, 60):
            follow.see(at + later, used=0.0002, slices=1, swap=100 * MIB, faults=minute)
        assert follow.activity is Activity.IDLE
    assert follow.displaced == 100 * MIB
    assert follow.state.swapped


def test_pairs_lie_within_their_limit():
    follow = idle_for(300)
    follow.see(315, used=0.003, slices=4)
    follow.see(315 + PAIR_SECONDS + 1, used=0.003, slices=4)
    assert follow.activity is Activity.IDLE


@pytest.mark.parametrize(
    ("back", "faults", "verdict"),
    [
        (11 * MIB, 500, Activity.BUSY),
        (9 * MIB, 500, Activity.IDLE),
        (11 * MIB, 20, Activity.IDLE),
    ],
    ids=["by its own faults", "less than a tenth", "by another process"],
)
def test_a_worker_that_reads_back_a_tenth_serves_though_paging_hides_its_request(back, faults, verdict):
    follow = idle_for(300)
    follow.see(315, swap=100 * MIB)
    follow.see(330, used=0.012, user=0.0, slices=300, swap=100 * MIB - back, faults=faults)
    assert follow.activity is verdict
    assert follow.state.cold == (100 * MIB - back if verdict is Activity.BUSY else 0)


@pytest.mark.parametrize("period", [1, 5, 15, 20])
@pytest.mark.parametrize("offset", [0.0, 4.9, 5.1, 9.0, 14.9])
def test_one_request_of_three_milliseconds_in_twenty_seconds_is_seen_within_two_ticks(period, offset):
    """Requests begin at 300 s; samples come every 15 s, or more often, from any moment on."""
    step = min(period, TICK)
    follow = idle_for(285, start=-offset)
    served = 0
    at = 300 - offset + step
    while at <= 330:
        now_served = int((at - 300) / 20) + 1
        follow.see(at, used=0.0035 * (now_served - served), slices=4 * (now_served - served))
        served = now_served
        at += step
    follow.see(330, used=0.0035 * (2 - served), slices=4 * (2 - served))
    assert follow.activity is Activity.BUSY


def test_short_steps_are_taken_together():
    """Two scrapers a second apart see what one would see."""
    follow = idle_for(300)
    for second in range(301, 309):
        follow.see(second, used=0.005, slices=3)
    assert follow.activity is Activity.BUSY
    assert follow.state.last_active == instant(308)


def test_what_is_used_between_steps_is_judged_when_the_step_ends_though_nothing_else_happens():
    follow = idle_for(300)
    follow.see(302, used=0.050, slices=3)
    assert follow.activity is Activity.IDLE
    assert due(follow.state, TICK) == 300 + TICK / 2
    follow.see(308)
    assert follow.activity is Activity.BUSY
    assert due(follow.state, TICK) is None


def test_rest_before_it_woke_explains_nothing():
    """A sample in which it did nothing may be left out; what it used then falls into the last tick."""
    follow = Follow(idle=Idle(after=300, cpu=0.004), level=Level(share=0.001, steps=100))
    follow.see(0)
    follow.previous = 3585
    follow.see(3600, used=0.040, slices=10)
    assert follow.activity is Activity.BUSY


def test_cpu_of_children_that_were_waited_for_is_activity():
    follow = idle_for(60)
    follow.see(75, used=0.0002, slices=1, children=0.5)
    assert follow.state.last_active == instant(75)


def test_without_an_exact_clock_ticks_decide():
    follow = Follow()
    for second, cpu in ((0, 0.0), (15, 0.01), (30, 0.02), (45, 0.09)):
        reading = process(cpu=cpu)
        at = instant(second)
        state = begin(reading, None, at) if follow.state is None else follow.state
        follow.state = advance(state, reading, None, Timing(at, second - 15, TICK, HZ), RULES).state
        assert (follow.state.last_active == at) is (second == 45)


def test_the_clock_of_all_threads_decides_where_there_are_several():
    reading = process(cpu=1.0)._replace(threads=4)
    state = begin(reading, CpuClock(10**9, 100), instant(0))
    state = advance(
        state, reading, CpuClock(10**9 + 12_000_000, 104), Timing(instant(15), 0, TICK, HZ), RULES
    ).state
    assert state.last_active == instant(15)


# Busy, idle, unknown.


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0, Activity.UNKNOWN), (299, Activity.UNKNOWN), (300, Activity.IDLE)]
)
def test_idle_takes_as_long_to_know_as_it_must_last(seconds, verdict):
    state = begin(process(), None, instant(1000))
    assert activity(state, instant(1000 + seconds), GUNICORN) is verdict


@pytest.mark.parametrize(
    ("seconds_after", "verdict"),
    [(0, Activity.BUSY), (299, Activity.BUSY), (300, Activity.IDLE)],
)
def test_busy_lasts_for_idle_after(seconds_after, verdict):
    follow = idle_for(390).see(405, used=5.0, slices=100)
    assert activity(follow.state, instant(405 + seconds_after), GUNICORN) is verdict


def test_a_group_that_was_never_seen_at_rest_is_unknown_and_never_idle():
    """2 ms a second may be a sync worker at work, or an idle event loop that is slow to wake."""
    follow = Follow(level=Level())
    for second in range(0, 616, 15):
        follow.see(second, used=0.030, slices=45)
    assert follow.activity is Activity.UNKNOWN
    assert follow.state.last_active is None


def test_what_was_unclear_is_forgotten_after_idle_after():
    follow = Follow(level=Level())
    follow.see(0).see(15, used=0.030, slices=45)
    assert activity(follow.state, instant(314), GUNICORN) is Activity.UNKNOWN
    assert activity(follow.state, instant(315), GUNICORN) is Activity.IDLE


def test_one_that_the_exporter_saw_born_is_watched_from_its_birth():
    follow = Follow(born=2).see(10)
    assert activity(follow.state, instant(302), GUNICORN) is Activity.IDLE


def test_a_newborn_that_imports_its_application_is_active():
    follow = Follow(born=2).see(10, used=1.5, slices=30, swap=3 * MIB)
    assert follow.state.last_active == instant(10)


def test_a_gap_starts_the_watch_anew_but_keeps_what_is_cold_and_when_it_was_active():
    follow = Follow().see(0, swap=4 * MIB).see(15, used=5.0, slices=100, swap=4 * MIB)
    follow.see(3600, swap=9 * MIB, gap=True)
    assert follow.activity is Activity.UNKNOWN
    state = follow.state
    assert (state.since, state.last_active, state.cold) == (instant(3600), instant(15), 4 * MIB)


def test_a_clock_step_changes_nothing():
    state = begin(process(), None, instant(0))
    assert activity(state, instant(300, stepped=7200), GUNICORN) is Activity.IDLE


def test_time_in_suspend_is_not_time_in_which_a_worker_could_have_worked():
    state = begin(process(), None, instant(0))
    assert activity(state, instant(299, suspended=36000), GUNICORN) is Activity.UNKNOWN


# A share that the configuration sets.

EXACT = Idle(after=300, cpu=0.01, window=60, cpu_is_exact=True)


@pytest.mark.parametrize(("share", "verdict"), [(0.0105, Activity.BUSY), (0.0095, Activity.IDLE)])
@pytest.mark.parametrize("step", [1, 7, 15, 60])
def test_a_share_that_the_configuration_sets_is_obeyed(share, verdict, step):
    follow = Follow(idle=EXACT, level=Level())
    for second in range(0, 1261, step):
        follow.see(second, used=share * step, slices=step)
    assert follow.activity is verdict
    assert follow.rest is None


def test_that_share_is_taken_of_the_last_window_alone():
    follow = Follow(idle=EXACT)
    for second in range(0, 3601, 15):
        follow.see(second)
    for second in range(3615, 3691, 15):
        follow.see(second, used=0.18, slices=9)
    assert follow.activity is Activity.BUSY


def test_a_load_that_ended_does_not_reach_into_the_next_window():
    follow = Follow(idle=EXACT)
    for second in range(0, 601, 15):
        follow.see(second, used=15.0, slices=15)
    for second in range(615, 901, 15):
        follow.see(second, used=0.0002, slices=1)
    assert follow.state.last_active == instant(600)


def test_a_window_is_remembered_in_a_bounded_number_of_readings():
    follow = Follow(idle=Idle(after=300, cpu=0.01, window=3600, cpu_is_exact=True))
    for second in range(0, 9000, 8):
        follow.see(second, used=0.001, slices=1)
    assert len(follow.state.window) <= WINDOW_PARTS + 3


# Cold and displaced.


def test_cold_is_zero_until_a_worker_has_been_active():
    follow = Follow().see(0, swap=90 * MIB).see(15, swap=100 * MIB)
    assert follow.displaced == 100 * MIB


def test_what_stays_in_swap_while_a_worker_serves_is_cold_and_not_displaced():
    follow = Follow().see(0, swap=100 * MIB)
    for second, swap in ((15, 80), (30, 68)):
        follow.see(second, used=2.0, slices=50, swap=swap * MIB)
    follow.see(45, swap=68 * MIB)
    assert follow.state.cold == 68 * MIB
    assert follow.displaced == 0
    assert not follow.state.swapped


def test_only_what_went_out_since_it_was_active_is_displaced():
    follow = Follow().see(0).see(15, swap=68 * MIB).see(30, used=2.0, slices=50, swap=68 * MIB)
    follow.see(90, swap=100 * MIB)
    assert follow.displaced == 32 * MIB


def test_a_load_that_ended_and_a_push_out_between_the_same_two_samples_displaces():
    follow = Follow().see(0, used=2.0, slices=50).see(15, used=2.0, slices=50, swap=50 * MIB)
    assert follow.state.last_active == instant(15)
    assert follow.displaced == 50 * MIB


def test_pushed_out_again_on_the_second_night_it_is_swapped_again():
    """What it touched in the morning is displaced once more, with little left in memory."""
    follow = idle_for(300)
    follow.see(315, swap=40 * MIB, resident=MIB)
    assert follow.state.swapped
    follow.see(330, used=0.08, slices=30, swap=28 * MIB, resident=13 * MIB)
    assert not follow.state.swapped
    follow.see(700, swap=39 * MIB, resident=MIB)
    assert follow.displaced == 11 * MIB
    assert follow.state.swapped
    assert follow.activity is Activity.IDLE


def test_reading_back_never_displaces_less_than_nothing():
    follow = Follow().see(0, swap=68 * MIB).see(15, used=2.0, slices=50, swap=68 * MIB).see(90, swap=10 * MIB)
    assert follow.displaced == 0


# Swapped.


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
    assert Follow().see(0, swap=swap, resident=resident).state.swapped is swapped


@pytest.mark.parametrize(("resident", "swapped"), [(2833, True), (2834, False)])
def test_once_swapped_it_stays_so_down_to_six_tenths_of_the_ratio(resident, swapped):
    follow = Follow(swapped=Swapped(min_bytes=1, min_ratio=0.25))
    follow.see(0, swap=500, resident=0).see(15, swap=500, resident=resident)
    assert follow.state.swapped is swapped


def test_what_is_cold_does_not_weigh_against_being_swapped():
    follow = Follow().see(0, swap=900 * MIB).see(15, used=2.0, slices=50, swap=900 * MIB)
    follow.see(400, swap=910 * MIB, resident=20 * MIB)
    assert follow.state.swapped


def test_no_bound_at_all_still_needs_something_displaced():
    assert not Follow(swapped=Swapped(min_bytes=0, min_ratio=0.0)).see(0, resident=0).state.swapped


def test_a_kernel_without_rss_anon_is_judged_by_the_whole_resident_size():
    reading = process(swap=MIB, resident=3 * MIB)._replace(resident_anonymous=None)
    state = begin(reading, None, instant(0))
    state = advance(state, reading, None, Timing(instant(0), 0, TICK, HZ), RULES).state
    assert state.swapped


def test_swap_that_cannot_be_read_keeps_the_last_verdict():
    follow = Follow().see(0, swap=90 * MIB, resident=0).see(15, swap=None, resident=0)
    assert follow.state.swapped
    assert follow.displaced is None


@given(
    steps=st.lists(
        st.tuples(st.floats(0.5, 100), st.integers(0, 500), st.integers(0, 1 << 36), st.integers(0, 1 << 36)),
        min_size=1,
        max_size=40,
    )
)
def test_no_series_of_samples_breaks_a_bound(steps):
    seconds = 0.0
    follow = Follow()
    for elapsed, used, swap, resident in steps:
        seconds += elapsed
        follow.see(seconds, used=used / 1000, slices=used, swap=swap, resident=resident)
        assert 0 <= follow.displaced <= swap
        assert follow.state.start <= seconds
        assert follow.state.least_swap <= swap
        if follow.state.swapped:
            assert follow.displaced >= SWAPPED.min_bytes
        if follow.state.last_active == follow.at:
            assert follow.activity is Activity.BUSY


@pytest.mark.parametrize(("rate", "verdict"), [(0.005, Activity.BUSY), (15e-6, Activity.IDLE)])
@given(offsets=st.lists(st.floats(1, 14.9), min_size=60, max_size=90))
def test_two_scrapers_at_any_times_see_the_same_as_one(rate, verdict, offsets):
    follow = Follow().see(0)
    seconds = 0.0
    for offset in offsets:
        seconds += offset
        follow.see(seconds, used=rate * offset, slices=round(4 * offset * (rate > 0.001)))
    if verdict is Activity.BUSY and seconds >= 30:
        assert follow.activity is verdict
    if verdict is Activity.IDLE:
        assert follow.state.last_active is None


def test_silence_before_a_load_does_not_thin_it_out():
    """Nothing was used for an hour: the share is taken of the last window, not of that hour."""
    follow = Follow(idle=EXACT).see(0, used=0.001, slices=1).see(15, used=0.001, slices=1)
    for second in range(30, 3616, 15):
        follow.see(second)
    follow.see(3630, used=15.0, slices=15)
    assert follow.state.last_active == instant(3630)


def test_a_window_of_an_earlier_configuration_is_forgotten():
    follow = Follow(idle=EXACT)
    for second in range(0, 61, 15):
        follow.see(second, used=0.05, slices=5)
    follow.idle = GUNICORN
    follow.see(75, used=0.0002, slices=1)
    assert follow.state.window == ()


@pytest.mark.parametrize("state", ["R", "D"])
def test_a_health_check_that_a_sample_cuts_in_two_leaves_it_idle(state):
    """6 ms, of which a sample in the middle sees 3 ms."""
    follow = idle_for(300)
    follow.see(315, used=0.003, slices=2, state=state, swap=50 * MIB)
    follow.see(330, used=0.003, slices=2, swap=50 * MIB)
    assert follow.activity is Activity.IDLE
    assert follow.displaced == 50 * MIB


def test_one_that_was_unclear_is_idle_since_then():
    """It may have worked: to say that it has been idle for an hour would claim to know better."""
    follow = Follow(level=Level())
    follow.see(0).see(3600).see(3615, used=0.030, slices=45).see(3930)
    assert follow.activity is Activity.IDLE
    assert idle_since(follow.state) == instant(3615)


@pytest.mark.parametrize("threads", [(1, 8), (8, 1)], ids=["grows", "shrinks"])
def test_a_process_whose_number_of_threads_changes_has_not_worked(threads):
    """The clocks of all threads, and that of the main thread, differ by what the others ever used."""
    before, after = threads
    many, one = CpuClock(10**9, 1000), CpuClock(10**9 - 10**6, 900)
    clocks = {1: one, 8: many}

    def reading(count):
        made = process(cpu=1.0)._replace(threads=count)
        return made._replace(clock=one) if count == 1 else made

    state = begin(reading(before), clocks[before] if before > 1 else None, instant(0))
    for second, count in ((15, after), (30, after)):
        clock = clocks[count] if count > 1 else None
        state = advance(
            state, reading(count), clock, Timing(instant(second), second - 15, TICK, HZ), RULES
        ).state
    assert state.last_active is None
