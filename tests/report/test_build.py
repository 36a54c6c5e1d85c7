"""Rows from made-up samples: what adds up, what is known, and what must stay unknown."""

import pytest

from swap_exporter.grouping.roles import Role
from swap_exporter.report.rows import Remainder, Swap, SwapIn
from swap_exporter.summary.state import State
from tests.making import HZ, MIB, member, process
from tests.report.making import FIRST, SECONDS, exported_group, host, reading, report


def worker(pid, swap=100 * MIB, resident=10 * MIB, **rest):
    return process(pid, swap=swap, resident=resident, **rest)


def command(pid, name, swap, **rest):
    return process(pid, swap=swap, **rest)._replace(comm=name)


def only_group(of, **rest):
    [group] = report(of, **rest).groups
    return group


def test_groups_and_commands_that_hold_the_most_come_first():
    members = [
        member(worker(10, swap=1 * MIB), group="small"),
        member(worker(11, swap=3 * MIB), group="large"),
        member(worker(12, swap=2 * MIB), group="b"),
        member(worker(13, swap=2 * MIB), group="a"),
    ]
    others = [command(20, "cron", 1), command(21, "sshd", 5), command(22, "sshd", 5), command(23, "mta", 7)]
    built = report(reading(members, others))
    assert [group.name for group in built.groups] == ["large", "a", "b", "small"]
    assert [(row.name, row.processes, row.swap.size) for row in built.commands] == [
        ("sshd", 2, 10),
        ("mta", 1, 7),
        ("cron", 1, 1),
    ]


def test_kernel_threads_and_the_dead_are_no_commands():
    built = report(reading(others=[command(20, "gone", 0)._replace(state="Z")]))
    assert built.commands == ()


@pytest.mark.parametrize(
    ("proportional", "swap"),
    [
        ({}, Swap(200 * MIB, False)),
        ({10: 60 * MIB}, Swap(160 * MIB, False)),
        ({10: 60 * MIB, 11: 50 * MIB}, Swap(110 * MIB, True)),
    ],
)
def test_swap_is_proportional_only_if_it_is_so_of_every_process(proportional, swap):
    members = [member(worker(10)), member(worker(11)), member(worker(12, swap=0))]
    known = {(pid, round(1 * HZ)): size for pid, size in proportional.items()}
    assert only_group(reading(members, proportional=known)).swap == swap


def test_where_it_cannot_be_read_here_the_exporter_s_proportional_swap_stands():
    group = exported_group(1)
    group.proportional = {Role.MASTER: 0, Role.WORKER: 40 * MIB, Role.AUXILIARY: 0}
    members = [member(worker(10)), member(worker(11))]
    assert only_group(reading(members, exported={"shop": group})).swap == Swap(40 * MIB, True)
    del group.proportional[Role.MASTER]
    assert only_group(reading(members, exported={"shop": group})).swap == Swap(200 * MIB, False)


def test_what_cannot_be_read_is_unknown_and_no_partial_sum():
    built = report(reading([member(worker(10)), member(worker(11, swap=None, resident=None))]))
    assert (built.groups[0].swap, built.groups[0].resident) == (None, None)
    assert built.remainder is None
    assert built.unreadable == 1


@pytest.mark.parametrize(
    ("of", "remainder"),
    [
        # used, in MiB: 100 of the group and 10 of a command are shown by processes
        (host(used=110 * MIB), Remainder(None, 0, 0, 0)),
        (host(used=150 * MIB), Remainder(None, 0, 40 * MIB, 0)),
        (host(used=150 * MIB, cached=30 * MIB), Remainder(None, 30 * MIB, 10 * MIB, 0)),
        (host(used=150 * MIB, cached=70 * MIB), Remainder(None, 40 * MIB, 0, 0)),
        (host(used=150 * MIB, cached=None, sysv_shm=25 * MIB), Remainder(25 * MIB, 0, 15 * MIB, 0)),
        (host(used=90 * MIB, cached=30 * MIB), Remainder(None, 0, 0, 20 * MIB)),
    ],
)
def test_the_rows_add_up_to_what_is_used(of, remainder):
    built = report(reading([member(worker(10))], [command(20, "sshd", 10 * MIB)], of))
    assert built.remainder == remainder
    parts = (remainder.sysv_shm or 0) + remainder.swap_cache + remainder.shared_memory - remainder.repeated
    assert 110 * MIB + parts == built.host.swap_used


@pytest.mark.parametrize("top", [0, 1, 2, 3, 9])
def test_rows_that_are_too_many_are_one_row_and_still_add_up(top):
    members = [member(worker(pid, swap=pid * MIB), group=f"g{pid}") for pid in (10, 11, 12)]
    others = [command(20, "a", 3 * MIB), command(21, "b", 5 * MIB), command(22, "idle", 0)]
    built = report(reading(members, others, host(used=50 * MIB)), top)
    assert len(built.groups) == min(top, 3)
    assert sum(group.swap.size for group in built.groups) + built.other_groups.swap.size == 33 * MIB
    assert sum(row.swap.size for row in built.commands) + built.other_commands.swap.size == 8 * MIB
    assert built.other_commands.rows == max(0, 2 - top)
    assert built.remainder.shared_memory == 9 * MIB


def test_the_verdict_does_not_depend_on_how_many_rows_are_asked_for():
    members = [member(worker(pid, swap=pid * MIB), group=f"g{pid}") for pid in (10, 11, 12)]
    of = reading(members, of=host(used=50 * MIB))
    assert report(of, 1).verdict == report(of).verdict


@pytest.mark.parametrize(
    ("group", "workers", "idle", "unknown", "swapped", "idle_swapped"),
    [
        (None, 2, None, 2, 2, None),
        (exported_group(idle=3, busy=1, stranded=1), 4, 3, 0, 3, 3),
        (exported_group(idle=3, busy=1, swapped=False, stranded=0), 4, 3, 0, 0, None),
        (exported_group(idle=4, unknown=2), 6, 4, 2, 4, None),
        (exported_group(busy=4, unknown=2), 6, 0, 2, 0, None),
        (exported_group(unknown=2), 2, None, 2, 0, None),
    ],
)
def test_idle_workers_are_those_that_the_exporter_exports(
    group, workers, idle, unknown, swapped, idle_swapped
):
    of = reading(
        [member(worker(10)), member(worker(11)), member(worker(9, swap=0), role=Role.MASTER)],
        exported=None if group is None else {"shop": group},
    )
    row = only_group(of)
    assert (row.workers, row.idle, row.unknown) == (workers, idle, unknown)
    assert (row.swapped, row.idle_swapped) == (swapped, idle_swapped)


def test_an_exporter_that_does_not_know_the_group_changes_nothing():
    members = [member(worker(10))]
    assert only_group(reading(members, exported={"another": exported_group(5)})) == only_group(
        reading(members)
    )


def test_the_longest_idle_time_is_since_then_and_never_negative():
    wall = 1_000_000 + FIRST + SECONDS
    for since, seconds in ((wall - 90, 90), (wall + 5, 0)):
        group = exported_group(1, longest_idle_since=since)
        assert only_group(reading([member(worker(10))], exported={"shop": group})).idle_seconds == seconds


@pytest.mark.parametrize(
    ("faults", "measured_pages", "host_pages", "bytes_per_second", "faults_per_second"),
    [
        pytest.param(0, None, 5000, 0, 0, id="no fault, no swap-in"),
        pytest.param(80, None, 0, 0, 40, id="nothing came from swap: the faults are of files"),
        pytest.param(80, None, 5000, None, 40, id="not measured: only the faults are known"),
        pytest.param(80, 600, 5000, 600 * 4096 / 2, 40, id="measured"),
    ],
)
def test_swap_in_is_measured_or_bounded_by_faults(
    faults, measured_pages, host_pages, bytes_per_second, faults_per_second
):
    now = worker(10, major_faults=1000 + faults)
    of = reading(
        [member(now), member(worker(11))],
        of=host(swapin_pages=host_pages),
        before={10: now._replace(major_faults=1000)},
        swapin=None if measured_pages is None else {10: measured_pages, 11: 0},
    )
    swapin = only_group(of).swapin
    assert swapin.bytes_per_second == bytes_per_second
    assert swapin.major_faults_per_second == faults_per_second


def test_one_unmeasured_process_that_faulted_leaves_the_group_unmeasured():
    processes = [worker(10, major_faults=8), worker(11, major_faults=8)]
    before = {each.pid: each._replace(major_faults=0) for each in processes}
    of = reading(map(member, processes), of=host(swapin_pages=99), before=before, swapin={10: 64})
    assert only_group(of).swapin.bytes_per_second is None


def test_what_zswap_gives_back_is_no_swap_in_of_the_host_but_a_group_can_wait_for_it():
    now = worker(10, major_faults=80)
    of = reading([member(now)], of=host(zswapin_pages=5120), before={10: now._replace(major_faults=0)})
    built = report(of)
    assert built.host.swapin == 0
    assert (built.groups[0].state, built.groups[0].swapin) == (State.WAKING, SwapIn(None, 40))


@pytest.mark.parametrize(
    ("faults", "pages", "host_pages", "group", "available", "state"),
    [
        pytest.param(0, None, 0, None, 1, State.SWAPPED, id="in swap, and nobody has watched"),
        pytest.param(0, None, 0, None, 0, None, id="no room for it"),
        pytest.param(0, None, 0, None, None, State.SWAPPED, id="room is not known"),
        pytest.param(0, None, 0, exported_group(1), 1, State.SWAPPED, id="the exporter does not know yet"),
        pytest.param(0, None, 0, exported_group(1, stranded=1), 1, State.STRANDED, id="stranded"),
        pytest.param(0, None, 0, exported_group(0, 1, stranded=0), 1, None, id="cold"),
        pytest.param(
            9, 513, 513, exported_group(1, stranded=1), 1, State.WAKING, id="more than 1 MiB/s read back"
        ),
        pytest.param(9, 512, 512, exported_group(1, stranded=1), 1, State.STRANDED, id="1 MiB/s"),
        pytest.param(65, None, 513, None, 1, State.WAKING, id="more than 32 faults/s while the host reads"),
        pytest.param(64, None, 513, None, 1, State.SWAPPED, id="32 faults/s"),
        pytest.param(65, None, 512, None, 1, State.SWAPPED, id="faults of files"),
    ],
)
def test_states(faults, pages, host_pages, group, available, state):
    now = worker(10, major_faults=faults)
    of = reading(
        [member(now)],
        of=host(used=MIB, swapin_pages=host_pages, available=available),
        before={10: now._replace(major_faults=0)},
        swapin=None if pages is None else {10: pages},
        exported=None if group is None else {"shop": group},
    )
    row = only_group(of)
    assert row.state is state
    assert (row.remedy is None) is (state is None)


def test_stranded_is_never_more_than_what_the_group_honestly_holds():
    members = [member(worker(10)), member(worker(11))]
    shares = {(10, HZ): 60 * MIB, (11, HZ): 60 * MIB}
    group = exported_group(2, stranded=200 * MIB)
    full = host(used=500 * MIB)
    row = only_group(reading(members, of=full, proportional=shares, exported={"shop": group}))
    assert row.stranded == 120 * MIB
    assert only_group(reading(members, of=full, exported={"shop": group})).stranded == 200 * MIB


def test_stranded_is_never_more_than_the_used_swap():
    members = [member(process(10 + n, swap=200 * MIB)) for n in range(2)]
    group = exported_group(2, stranded=400 * MIB)
    of = host(used=300 * MIB)
    assert only_group(reading(members, of=of, exported={"shop": group})).stranded == 300 * MIB


def test_what_waking_one_could_cost_is_exported_or_the_median_of_the_swapped_workers():
    sizes = {10: 50, 11: 10, 12: 90, 13: 0}
    members = [member(worker(pid, swap=size * MIB)) for pid, size in sizes.items()]
    members.append(member(worker(14, swap=500 * MIB), role=Role.MASTER))
    row = only_group(reading(members))
    assert (row.wake_bytes, row.wake_seconds) == (50 * MIB, None)
    row = only_group(reading(members, exported={"shop": exported_group(3, wake_bytes=7, wake_seconds=0.5)}))
    assert (row.wake_bytes, row.wake_seconds) == (7, 0.5)
    assert (
        only_group(reading(members, exported={"shop": exported_group(0, 4, stranded=0)})).wake_bytes is None
    )
    assert only_group(reading([member(worker(10, swap=0))])).wake_bytes is None


def test_processes_are_listed_only_if_asked_for():
    members = [member(worker(9, swap=1), role=Role.MASTER), member(worker(10))]
    of = reading(members, [command(20, "sshd", 7)])
    assert only_group(of).members == ()
    built = report(of, processes=True)
    assert [(row.pid, row.role, row.swap.size) for row in built.groups[0].members] == [
        (10, Role.WORKER, 100 * MIB),
        (9, Role.MASTER, 1),
    ]
    assert [(row.pid, row.role) for row in built.commands[0].members] == [(20, None)]


def test_a_process_that_was_born_between_the_samples_counts_from_its_birth():
    young = worker(10, start=FIRST + 1, major_faults=10)
    old = worker(11, major_faults=500)
    of = reading(map(member, (young, old)), of=host(swapin_pages=9), before={10: None, 11: None})
    assert only_group(of).swapin.major_faults_per_second == 5
