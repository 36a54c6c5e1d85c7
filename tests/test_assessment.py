"""Verdicts over a group and the host: each definition in numbers, and what may not be said yet."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.assessment import Residency, assess, total
from swap_exporter.details.cgroups import Cgroups
from swap_exporter.details.details import Details
from swap_exporter.grouping.grouping import Grouping, by_name
from swap_exporter.grouping.roles import Role
from swap_exporter.history.activity import Activity
from swap_exporter.history.history import History
from swap_exporter.history.swapin_latency import WakeCost
from swap_exporter.kernel.taskstats import TaskDelays
from swap_exporter.settings import Configuration, Idle, Quiet
from tests.making import MIB, entry, grouping, host, instant, member, process, sample


def judged(readings, configuration=None, of=None):
    """Feed (instant or seconds, members) one after the other and assess the last."""
    configuration = configuration or Configuration()
    history = History(configuration)
    for at, members in readings:
        taken = sample(at, [each.process for each in members], of)
        observation = history.observe(taken, grouping(members))
    return assess(observation, configuration)


def steadily(members, seconds=300, start=1000, **rest):
    return judged([(start + second, members) for second in range(0, seconds + 1, 15)], **rest)


def the_group(assessment):
    (group,) = assessment.groups
    return group


def test_idle_workers_in_swap_are_counted_and_their_master_is_not():
    workers = [member(process(pid, swap=100 * MIB, resident=10 * MIB)) for pid in range(20, 28)]
    master = member(process(10, swap=100 * MIB, resident=10 * MIB), role=Role.MASTER)
    group = the_group(steadily([master, *workers]))
    assert group.idle_swapped.workers == 8
    assert group.idle_swapped.swap == group.idle_swapped.displaced == 800 * MIB
    assert group.roles[Role.MASTER].swap == 100 * MIB
    assert group.workers[Activity.IDLE, Residency.SWAPPED] == 8


def test_resident_and_busy_workers_are_not():
    idle_resident = member(process(20, swap=MIB, resident=100 * MIB))
    readings = [
        (1000 + second, [idle_resident, member(process(21, cpu=second * 0.01, swap=100 * MIB))])
        for second in range(0, 301, 15)
    ]
    group = the_group(judged(readings))
    assert group.idle_swapped.workers == 0
    assert group.workers[Activity.IDLE, Residency.RESIDENT] == 1
    assert group.workers[Activity.BUSY, Residency.RESIDENT] == 1  # what it serves without is cold


def test_six_states_are_told_always_and_add_up():
    group = the_group(judged([(1000, [member(process(pid)) for pid in (20, 21)])]))
    assert len(group.workers) == 6
    assert sum(group.workers.values()) == group.roles[Role.WORKER].processes == 2
    assert group.workers[Activity.UNKNOWN, Residency.RESIDENT] == 2


@pytest.mark.parametrize(("seconds", "known"), [(0, False), (285, False), (300, True)])
def test_nothing_is_said_of_idle_swapped_workers_before_it_can_be_known(seconds, known):
    assessment = steadily([member(process(swap=100 * MIB))], seconds)
    assert (the_group(assessment).idle_swapped is not None) is known
    assert (assessment.stranded is not None) is known


def test_nor_after_a_gap_until_it_is_known_again():
    members = [member(process(swap=100 * MIB))]
    readings = [(1000 + second, members) for second in range(0, 301, 15)]
    assert the_group(judged([*readings, (4900, members)])).idle_swapped is None


def test_each_group_waits_for_its_own_entry():
    patient = entry("slow", idle=Idle(after=600))
    members = [member(process(20)), member(process(21), patient, group="slow")]
    shop, slow = steadily(members, 300).groups
    assert (shop.name, shop.idle_swapped is None) == ("shop", False)
    assert (slow.name, slow.idle_swapped is None) == ("slow", True)
    assert steadily(members, 300).stranded is None


@pytest.mark.parametrize(
    ("available", "stranded"),
    [(1000 * MIB, 200 * MIB), (50 * MIB, 50 * MIB), (0, 0), (None, None)],
    ids=["room for all", "room for a part", "no room", "room not known"],
)
def test_stranded_is_what_the_machine_has_room_to_hold(available, stranded):
    members = [member(process(pid, swap=100 * MIB)) for pid in (20, 21)]
    assessment = steadily(members, of=host(available=available))
    assert the_group(assessment).idle_swapped.stranded == stranded
    assert assessment.stranded == stranded


def test_what_is_stranded_on_the_host_shares_its_headroom():
    members = [
        member(process(20, swap=100 * MIB)),
        member(process(21, swap=100 * MIB), entry("blog"), group="blog"),
    ]
    assessment = steadily(members, of=host(available=120 * MIB))
    assert [group.idle_swapped.stranded for group in assessment.groups] == [100 * MIB, 100 * MIB]
    assert assessment.stranded == 120 * MIB


def inspected(processes, details, cost=None, **rest):
    """Assess idle workers with a closer look at them, on a host where earlier wakes cost so much."""
    history = History(Configuration())
    members = [member(each) for each in processes]
    for second in range(1000, 1301, 15):
        observation = history.observe(sample(second, processes, **rest), grouping(members), details)
    return assess(replace(observation, wake_cost=cost or WakeCost()), Configuration())


def test_what_is_shared_counts_by_its_share():
    workers = [process(pid, swap=90 * MIB) for pid in (20, 21, 22)]
    shares = {worker.identity: 30 * MIB for worker in workers}
    group = the_group(inspected(workers, Details(proportional_swap=shares)))
    assert group.idle_swapped.swap == 270 * MIB
    assert group.idle_swapped.proportional_swap == group.idle_swapped.stranded == 90 * MIB
    assert group.roles[Role.WORKER].proportional_swap == 90 * MIB


def test_where_one_share_is_not_known_its_vm_swap_stands_in_for_stranded_alone():
    workers = [process(pid, swap=90 * MIB) for pid in (20, 21)]
    group = the_group(inspected(workers, Details(proportional_swap={workers[0].identity: 30 * MIB})))
    assert group.idle_swapped.proportional_swap is None
    assert group.roles[Role.WORKER].proportional_swap is None
    assert group.idle_swapped.stranded == 120 * MIB


USED = host().meminfo.swap_total - host().meminfo.swap_free


@pytest.mark.parametrize(
    ("shares", "stranded"), [({}, USED), ({20: 1 << 30, 21: 1 << 30}, 2 << 30)], ids=["VmSwap", "SwapPss"]
)
def test_stranded_is_at_most_the_used_swap(shares, stranded):
    """VmSwap counts the shared pages of two workers twice."""
    workers = [process(pid, swap=8 << 30) for pid in (20, 21)]
    known = {(pid, workers[0].start_ticks): share for pid, share in shares.items()}
    assessment = inspected(workers, Details(proportional_swap=known))
    group = the_group(assessment)
    assert group.idle_swapped.stranded == assessment.stranded == stranded
    assert group.attributed == assessment.attribution.grouped == stranded
    assert (group.idle_swapped.proportional_swap is None) is (not shares), "absent where VmSwap stands in"


def test_stranded_of_all_groups_is_at_most_the_used_swap():
    members = [
        member(process(20, swap=8 << 30)),
        member(process(21, swap=8 << 30), entry("blog"), group="blog"),
    ]
    assessment = steadily(members)
    assert [group.idle_swapped.stranded for group in assessment.groups] == [8 << 30, 8 << 30]
    assert assessment.stranded == USED
    assert assessment.attribution.grouped == USED


def test_where_used_swap_is_not_known_its_bound_is_not_known_either():
    of = replace(host(), meminfo=None)
    assessment = steadily([member(process(20, swap=4 << 30))], of=of)
    assert the_group(assessment).attributed == assessment.attribution.grouped == 4 << 30


def test_what_its_cgroup_has_no_room_for_is_not_stranded():
    squeezed = [process(pid, swap=90 * MIB)._replace(cgroups=("/small",)) for pid in (20, 21)]
    free = process(22, swap=90 * MIB)._replace(cgroups=("/large",))
    unlimited = process(23, swap=90 * MIB)._replace(cgroups=("/",))
    rooms = {("/small",): 0, ("/large",): 50 * MIB, ("/",): None}
    details = Details(cgroups=Cgroups(swap={}, path={}, headroom=rooms))
    group = the_group(inspected([*squeezed, free, unlimited], details))
    assert group.idle_swapped.workers == 4
    assert group.idle_swapped.stranded == 0 + 50 * MIB + 90 * MIB


COST = WakeCost(0.0001, 0.00005, {})
HALF = WakeCost(0.0001, 0.00005, {"shop": 0.5})
PAGES = MIB / 4096


@pytest.mark.parametrize(
    ("displaced", "shares", "cost", "expected"),
    [
        ([10, 30, 90], {}, None, (30 * MIB, None, None)),
        ([10, 30, 90], {}, COST, (30 * MIB, 30 * PAGES * 0.0001, 130 * PAGES * 0.00005)),
        ([10, 30, 90], {}, HALF, (30 * MIB, 15 * PAGES * 0.0001, 65 * PAGES * 0.00005)),
        ([10, 30], {}, None, (20 * MIB, None, None)),
        (
            [90, 90, 90],
            {20: 30, 21: 30, 22: 30},
            COST,
            (30 * MIB, 90 * PAGES * 0.0001, 90 * PAGES * 0.00005),
        ),
        ([], {}, COST, None),
    ],
    ids=["bytes", "times the wait", "times the share read back", "of two", "shared", "none is swapped"],
)
def test_waking_costs_what_is_displaced_times_what_earlier_wakes_took(displaced, shares, cost, expected):
    """One that wakes alone reads all that it touches; together they read shared pages once."""
    workers = [process(20 + index, swap=swap * MIB) for index, swap in enumerate(displaced)]
    known = {(pid, workers[0].start_ticks): share * MIB for pid, share in shares.items()}
    awake = process(30)
    wake = the_group(inspected([*workers, awake], Details(proportional_swap=known), cost)).wake
    said = None if wake is None else (wake.bytes, wake.seconds, wake.all_seconds)
    assert said == (expected if expected is None else pytest.approx(expected))


def test_used_swap_is_told_by_who_holds_it():
    of = replace(host(), sysv_shm_swap=7 * MIB)
    grouped, other = process(20, swap=90 * MIB), process(30, swap=11 * MIB)
    history = History(Configuration())
    taken = sample(1000, [grouped, other], of)
    details = Details(proportional_swap={grouped.identity: 30 * MIB})
    observation = history.observe(taken, Grouping(by_name([member(grouped)]), (other,), 0), details)
    attribution = assess(observation, Configuration()).attribution
    assert (attribution.grouped, attribution.ungrouped) == (30 * MIB, 11 * MIB)
    assert attribution.sysv_shm == 7 * MIB
    used = of.meminfo.swap_total - of.meminfo.swap_free
    assert attribution.unattributed == used - 48 * MIB


def test_more_attributed_than_used_leaves_nothing_unattributed_and_an_unknown_part_all():
    everything = process(20, swap=1 << 50)
    assert inspected([everything], Details()).attribution.unattributed == 0
    unknown = inspected([process(20, swap=None)], Details()).attribution
    assert (unknown.grouped, unknown.unattributed) == (None, None)


def test_what_hidden_processes_hold_of_swap_is_not_told_to_be_held_by_none():
    of = replace(host(), sysv_shm_swap=7 * MIB)
    taken = replace(sample(1000, [process(20, swap=90 * MIB)], of), hides_processes=True)
    attribution = assess(History(Configuration()).observe(taken, grouping([])), Configuration()).attribution
    assert (attribution.grouped, attribution.ungrouped, attribution.unattributed) == (None, None, None)
    assert attribution.sysv_shm == 7 * MIB


def test_swapin_of_a_group_is_told_only_if_each_process_is_measured():
    workers = [process(20), process(21)]
    measured = {each.identity: TaskDelays(100, 1, 1, measured=True) for each in workers}
    group = the_group(inspected(workers, Details(delays=measured)))
    assert group.roles[Role.WORKER].swapin_pages == 0
    assert group.roles[Role.WORKER].swapin_pages_per_second == 0.0
    del measured[workers[1].identity]
    group = the_group(inspected(workers, Details(delays=measured)))
    assert group.roles[Role.WORKER].swapin_pages is None
    assert group.roles[Role.WORKER].swapin_pages_per_second is None


def test_a_role_without_processes_has_no_swapin_measurement():
    worker = process(20)
    delays = {worker.identity: TaskDelays(100, 1, 1, measured=True)}
    group = the_group(inspected([worker], Details(delays=delays)))
    assert group.roles[Role.WORKER].swapin_pages == 0
    for role in (Role.MASTER, Role.AUXILIARY):
        assert group.roles[role].processes == 0
        assert group.roles[role].swapin_pages is None
        assert group.roles[role].swapin_pages_per_second is None


def test_a_role_that_is_empty_for_a_while_keeps_its_swapin_counter():
    history = History(Configuration())
    told = []
    for number, pages in enumerate([0, 100, None, 100, 150]):
        delays = {} if pages is None else {(20, 100): TaskDelays(pages, 1, 1, measured=True)}
        members = [] if pages is None else [member(process(20))]
        taken = sample(1000 + 15 * number, [each.process for each in members])
        observation = history.observe(taken, grouping(members), Details(delays=delays))
        told.append(the_group(assess(observation, Configuration())).roles[Role.WORKER].swapin_pages)
    assert told == [0, 100, None, 100, 150]


def test_swap_that_cannot_be_read_makes_the_sums_unknown_and_not_small():
    members = [member(process(20, swap=100 * MIB)), member(process(21, swap=None, resident=None))]
    group = the_group(steadily(members))
    assert group.roles[Role.WORKER].swap is None
    assert group.roles[Role.WORKER].resident is None
    assert group.roles[Role.MASTER].swap == 0
    assert group.largest_worker_swap is None
    assert group.idle_swapped.swap == 100 * MIB


def test_the_largest_worker_is_known_only_if_the_swap_of_each_worker_is():
    workers = [member(process(20, swap=100 * MIB)), member(process(21, swap=30 * MIB))]
    hidden = process(22, swap=None, resident=None)
    assert the_group(steadily(workers)).largest_worker_swap == 100 * MIB
    assert the_group(steadily([*workers, member(hidden)])).largest_worker_swap is None
    master = member(hidden, role=Role.MASTER)
    assert the_group(steadily([*workers, master])).largest_worker_swap == 100 * MIB


def test_a_group_without_processes_is_all_zeros():
    configuration = Configuration(entries=(entry("mine"),))
    group = the_group(judged([(1000 + n, []) for n in range(0, 301, 15)], configuration))
    assert group.idle_swapped.workers == group.idle_swapped.stranded == 0
    assert [group.roles[role].processes for role in Role] == [0, 0, 0]
    assert group.largest_worker_swap is None
    assert group.longest_idle_since is None


def test_a_zombie_is_no_worker():
    members = [member(process(20, state="Z", swap=0)), member(process(21))]
    assert the_group(steadily(members)).roles[Role.WORKER].processes == 1


def test_longest_idle_since_is_the_first_of_those_that_are_idle():
    readings = [(1000, [member(process(20)), member(process(21))])]
    later = [member(process(20, cpu=3)), member(process(21))]
    readings += [(second, later) for second in range(1015, 1400, 15)]
    assert the_group(judged(readings)).longest_idle_since == 1_001_000


def test_it_is_told_on_the_wall_clock_of_now_and_through_suspend():
    members = [member(process())]
    readings = [(instant(1000 + n), members) for n in range(0, 301, 15)]
    last = instant(1310, suspended=36000, stepped=-5000)
    assert the_group(judged([*readings, (last, members)])).longest_idle_since == 1_001_000 - 5000


@pytest.mark.parametrize(("pages", "quiet"), [(0, True), (76_800, True), (76_801, False)])
def test_quiet_is_at_most_a_mebibyte_a_second_over_its_window(pages, quiet):
    configuration = Configuration(quiet=Quiet(max_bytes_per_second=MIB, window=300))
    history = History(configuration)
    history.observe(sample(0), grouping([]))
    in_half, out_half = pages // 2, pages - pages // 2
    moved = host(pswpin=in_half, pswpout=out_half)
    observation = history.observe(sample(300, of=moved), grouping([]))
    assert assess(observation, configuration).quiet is quiet


def test_quiet_is_not_known_before_its_window_has_passed():
    assert judged([(0, []), (285, [])]).quiet is None


def test_a_host_without_swap_counters_says_nothing_of_quiet():
    of = host()
    of = type(of)(of.meminfo, of.vmstat._replace(pswpin=None, pswpout=None), None, None)
    assessment = judged([(0, []), (300, [])], of=of)
    assert (assessment.quiet, assessment.swapin_pages_per_second) == (None, None)


@given(st.lists(st.none() | st.integers(0, 1 << 60)))
def test_a_sum_with_an_unknown_part_is_unknown(values):
    assert total(values) == (None if None in values else sum(values))


sizes = st.none() | st.integers(0, 1 << 40)


@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(10, 17), st.integers(0, 40), sizes, sizes, st.sampled_from(list(Role))),
            unique_by=lambda reading: reading[0],
            max_size=8,
        ),
        min_size=1,
        max_size=25,
    ),
    st.none() | st.integers(0, 1 << 41),
)
def test_the_parts_always_add_up(steps, available):
    configuration = Configuration()
    history = History(configuration)
    ticks = {}
    for number, step in enumerate(steps):
        members = []
        for pid, used, swap, resident, role in step:
            ticks[pid] = ticks.get(pid, 0) + used
            reading = process(pid, swap=swap, resident=resident)._replace(cpu_ticks=ticks[pid])
            members.append(member(reading, role=role))
        taken = sample(1000 + 20 * number, [each.process for each in members], host(available=available))
        assessment = assess(history.observe(taken, grouping(members)), configuration)
        for group in assessment.groups:
            workers = group.roles[Role.WORKER].processes
            assert sum(group.workers.values()) == workers
            lying = group.idle_swapped
            if lying is None:
                continue
            assert lying.workers == group.workers[Activity.IDLE, Residency.SWAPPED] <= workers
            if lying.swap is not None:
                assert lying.displaced <= lying.swap
            if lying.stranded is not None:
                meminfo = assessment.sample.host.meminfo
                bound = min(available, meminfo.swap_total - meminfo.swap_free)
                assert lying.stranded <= min(lying.swap, bound)
                assert assessment.stranded <= bound
