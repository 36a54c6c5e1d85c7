"""Counters of a group never fall, and tell only of what was used while the exporter knew the process."""

from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.grouping.roles import Role
from swap_exporter.history.counters import Counters, GroupCounters
from swap_exporter.kernel.taskstats import TaskDelays
from tests.making import HZ, member, process, sample


def gather(*samples, counters=None):
    """Feed (seconds, processes[, processes that are in no group]) and return the counters."""
    counters = counters or GroupCounters()
    for seconds, members, *others in samples:
        ungrouped = others[0] if others else []
        counters.gather(sample(seconds, [*members, *ungrouped]), [member(each) for each in members])
    return counters


def cpu_ticks(counters, role=Role.WORKER):
    return counters.by_role("shop")[role].cpu_ticks


def test_what_a_process_used_before_the_exporter_is_not_counted():
    counters = gather((1000, [process(cpu=50, major_faults=7)]))
    assert counters.by_role("shop")[Role.WORKER] == Counters(0, 0)


def test_differences_are_counted():
    counters = gather((1000, [process(cpu=50, major_faults=7)]), (1015, [process(cpu=52.5, major_faults=10)]))
    assert counters.by_role("shop")[Role.WORKER] == Counters(250, 3)


def test_one_born_after_the_exporter_counts_from_its_birth():
    counters = gather((1000, []), (1015, [process(start=1003, cpu=2)]))
    assert cpu_ticks(counters) == 200


def test_one_born_later_that_was_in_no_group_at_first_counts_from_its_birth_too():
    newborn = process(start=1003, cpu=2)
    counters = gather((1000, []), (1015, [], [newborn]), (1030, [process(start=1003, cpu=3)]))
    assert cpu_ticks(counters) == 300


def test_one_that_leaves_its_group_and_comes_back_is_not_counted_twice():
    counters = gather(
        (1000, []),
        (1015, [process(start=1003, cpu=2)]),
        (1030, [], [process(start=1003, cpu=3)]),
        (1045, [process(start=1003, cpu=4)]),
    )
    assert cpu_ticks(counters) == 400


def test_one_that_could_not_be_read_for_a_while_is_not_counted_twice():
    counters = gather(
        (1000, []),
        (1015, [process(start=1003, cpu=2)]),
        (1030, []),
        (1045, []),
        (1060, [process(start=1003, cpu=4)]),
        (1075, [process(start=1003, cpu=5)]),
    )
    assert cpu_ticks(counters) == 300


def test_one_that_ends_leaves_its_share_behind():
    counters = gather((1000, [process(cpu=1)]), (1015, [process(cpu=4)]), (1030, []))
    assert cpu_ticks(counters) == 300


def test_a_pid_that_is_used_again_starts_from_its_own_birth():
    counters = gather((1000, [process(cpu=90)]), (1015, [process(start=1010, cpu=2)]))
    assert cpu_ticks(counters) == 200


def test_a_reading_that_fell_takes_nothing_back():
    counters = gather((1000, [process(cpu=9)]), (1015, [process(cpu=8)]), (1030, [process(cpu=10)]))
    assert cpu_ticks(counters) == 200


def test_what_a_process_uses_in_another_role_counts_there():
    counters = GroupCounters()
    counters.gather(sample(1000, [process(cpu=0)]), [member(process(cpu=0))])
    counters.gather(sample(1015, [process(cpu=1)]), [member(process(cpu=1), role=Role.MASTER)])
    assert (cpu_ticks(counters), cpu_ticks(counters, Role.MASTER)) == (0, 100)


def test_a_group_that_is_forgotten_is_forgotten_counters_and_all():
    counters = gather((1000, [process(cpu=1)]), (1015, [process(cpu=4)]))
    counters.forget("shop")
    assert cpu_ticks(counters) == 0


def test_what_is_remembered_of_processes_is_bounded_by_those_that_live():
    counters = gather(*((1000 + n, [process(pid=100 + n, start=1000 + n - 0.5)]) for n in range(500)))
    assert len(counters._counted) == 1


def measured(pages, of=None):
    return {(of or process()).identity: TaskDelays(pages, 0, 0, measured=True)}


def test_pages_read_from_swap_are_counted_from_when_they_were_first_measured():
    counters = GroupCounters()
    for second, delays in enumerate([None, measured(500), measured(700), None, measured(800)]):
        counters.gather(sample(1000 + second, [process()]), [member(process())], delays)
    assert counters.by_role("shop")[Role.WORKER].swapin_pages == 300


def test_pages_of_one_born_later_are_counted_from_its_birth():
    counters, newborn = GroupCounters(), process(11, start=1003)
    counters.gather(sample(1000), [])
    counters.gather(sample(1015, [newborn]), [member(newborn)], measured(70, newborn))
    assert counters.by_role("shop")[Role.WORKER].swapin_pages == 70


lives = st.lists(
    st.lists(
        st.tuples(st.integers(10, 14), st.integers(0, 30), st.booleans()),
        unique_by=lambda reading: reading[0],
        max_size=5,
    ),
    min_size=1,
    max_size=30,
)


@given(lives)
def test_no_counter_falls_and_none_exceeds_what_was_used(steps):
    """Each step: (pid, CPU ticks since the last step, whether it was recycled since)."""
    counters, used, before = GroupCounters(), {}, 0
    spent = 0
    for number, step in enumerate(steps):
        now = 1000 + 15 * number
        readings = []
        for pid, ticks, recycled in step:
            start, total = used.get(pid, (500, 1000))
            if recycled:
                start, total = now - 1, 0
            total += ticks
            spent += ticks
            used[pid] = (start, total)
            readings.append(process(pid=pid, start=start, cpu=total / HZ))
        gather((now, readings), counters=counters)
        assert before <= cpu_ticks(counters) <= spent
        before = cpu_ticks(counters)
