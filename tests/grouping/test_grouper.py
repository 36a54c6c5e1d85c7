"""Groups and roles over several samples: what is remembered, what is looked at again, what is forgotten."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.grouping import selectors
from swap_exporter.grouping.grouper import OVERFLOW, Grouper, _Known
from swap_exporter.sampling.sample import Process, Sample
from swap_exporter.settings import Configuration, Limits
from tests.grouping.table import (
    CATALOG,
    CONTEXT,
    configured,
    ended,
    grouper,
    groups,
    members_of,
    over,
    process,
    roles,
    sample,
)

GUNICORN = "/srv/bin/python3 /srv/bin/gunicorn app:app"
M, W, A = "master", "worker", "auxiliary"

master = process(10, 1, GUNICORN, layout=1)
worker = process(11, 10, GUNICORN, layout=1)
second = process(12, 10, GUNICORN, layout=1)
ffmpeg = process(13, 11, "ffmpeg -i x", comm="ffmpeg", layout=2)
shell = process(1, 0, "/sbin/init", layout=9)


def orphaned(of: Process, new_parent: int = 1) -> Process:
    return of._replace(parent_pid=new_parent)


class TestGroups:
    def test_first_matching_entry_wins(self) -> None:
        configuration = configured(
            "process_names: [{name: first, cmdline: [gunicorn]}, {name: second, cmdline: [app]}]"
        )
        assert groups(over([master], configuration=configuration)) == {10: "first"}

    def test_what_matches_nothing_joins_its_nearest_grouped_ancestor(self) -> None:
        between = process(14, 13, "sh", layout=3)
        grouping = over([shell, master, worker, ffmpeg, between])
        assert groups(grouping) == dict(zip((10, 11, 13, 14), repeat("gunicorn:app:app")))
        assert [member.joined for member in members_of(grouping)] == [False, False, True, True]
        assert grouping.ungrouped == (shell,)

    def test_children_can_be_left_out(self) -> None:
        grouping = over([master, worker, ffmpeg], configuration=replace(CATALOG, children=False))
        assert grouping.ungrouped == (ffmpeg,)

    def test_who_has_joined_stays_when_the_ancestor_ends(self) -> None:
        grouping = over(
            [shell, master, worker, ffmpeg], [shell, master, orphaned(ffmpeg)], [shell, orphaned(ffmpeg)]
        )
        assert groups(grouping) == {13: "gunicorn:app:app"}
        assert members_of(grouping)[0].joined

    def test_who_has_joined_follows_the_title_of_its_ancestor(self) -> None:
        titled = master._replace(argv=("gunicorn: master [shop]",))
        alone = process(11, 10, "ffmpeg", layout=2)
        assert groups(over([master, alone], [titled, alone])) == {10: "gunicorn:shop", 11: "gunicorn:shop"}
        between = process(11, 10, "sh", layout=2)
        below = process(12, 11, "ffmpeg", layout=3)
        grouping = over([master, between, below], [titled, orphaned(below)])
        assert groups(grouping) == {10: "gunicorn:shop", 12: "gunicorn:shop"}

    def test_a_new_owner_of_a_reused_pid_inherits_nothing(self) -> None:
        other = process(13, 1, "sleep 1", start=99, layout=5)
        assert over([shell, master, worker, ffmpeg], [shell, master, worker, other]).ungrouped == (
            shell,
            other,
        )

    def test_a_younger_process_with_the_pid_of_the_parent_is_not_the_parent(self) -> None:
        reused = master._replace(start_ticks=50)
        grouping = over([reused, process(20, 10, "ffmpeg", start=20)])
        assert groups(grouping) == {10: "gunicorn:app:app"}

    def test_what_is_seen_first_without_its_ancestor_is_in_no_group(self) -> None:
        assert members_of(over([shell, orphaned(ffmpeg)])) == ()

    @pytest.mark.parametrize("parents", [{10: 10}, {10: 11, 11: 10}, {10: 11, 11: 12, 12: 10}])
    def test_parents_in_a_circle(self, parents: dict[int, int]) -> None:
        for argv in ("sleep 1", GUNICORN):
            table = [process(pid, parent, argv, start=5) for pid, parent in parents.items()]
            grouping = over(table, table)
            assert len(members_of(grouping)) + len(grouping.ungrouped) == len(table)

    def test_a_chain_of_very_many_ancestors(self) -> None:
        chain = [master, *(process(pid, pid - 1, "sh", layout=pid) for pid in range(11, 5000))]
        assert set(groups(over(chain)).values()) == {"gunicorn:app:app"}

    def test_one_that_changes_its_title_is_claimed_again(self) -> None:
        starting = process(10, 1, "/usr/sbin/php-fpm8.2 -F", layout=1)
        pool = process(11, 10, ["php-fpm: master process (x)"], layout=1)
        grouping = over(
            [starting],
            [starting._replace(argv=("php-fpm: master process (x)",)), pool],
            [
                starting._replace(argv=("php-fpm: master process (x)",)),
                pool._replace(argv=("php-fpm: pool www",)),
            ],
        )
        assert groups(grouping) == {10: "php-fpm", 11: "php-fpm:www"}
        assert roles(grouping) == {10: M, 11: W}

    def test_one_that_has_exec_d_something_else_leaves(self) -> None:
        gone = master._replace(argv=("sleep", "1"), comm="sleep", layout=(2, 2, 2))
        assert over([master], [gone]).ungrouped == (gone,)

    def test_in_an_exec_there_is_no_title_for_a_moment(self) -> None:
        assert groups(over([master], [master._replace(argv=())])) == {10: "gunicorn:app:app"}

    def test_a_name_with_the_user_follows_the_uid(self) -> None:
        configuration = configured("process_names: [{name: 'app:{{.Username}}', cmdline: [gunicorn]}]")
        assert groups(over([master], [master._replace(effective_uid=7)], configuration=configuration)) == {
            10: "app:7"
        }

    def test_names_are_cut_at_a_character(self) -> None:
        limits = Limits(name_bytes=16)
        grouping = over(
            [process(10, 1, ["gunicorn: master [äääääää]"])], configuration=replace(CATALOG, limits=limits)
        )
        assert groups(grouping) == {10: "gunicorn:äää"}


class TestEndedProcesses:
    def test_they_keep_group_and_role(self) -> None:
        for last in (master, worker, ffmpeg):
            table = [master, worker, second, ffmpeg]
            before = over(table)
            after = over(table, [ended(one) if one is last else one for one in table])
            assert (groups(after)[last.pid], roles(after)[last.pid]) == (
                groups(before)[last.pid],
                roles(before)[last.pid],
            )

    def test_they_are_forgotten_when_they_are_gone(self) -> None:
        seeing = grouper()
        for pid in range(100, 300):
            seeing.assign(sample(master, process(pid, 10, GUNICORN)))
        seeing.assign(sample())
        assert not seeing._known
        assert not seeing._names


class TestRolesOverTime:
    def test_a_master_stays_one_without_workers(self) -> None:
        assert roles(over([master, worker], [master, worker], [master])) == {10: M}

    def test_autoscaling_down_to_nothing_and_back(self) -> None:
        assert roles(over(*[[master, worker]] * 2, *[[master]] * 3, [master, second])) == {10: M, 12: W}

    def test_between_fork_and_exec_a_child_looks_like_a_worker_and_is_not_remembered(self) -> None:
        redis = process(10, 1, "redis-server *:6379", layout=1)
        forked = process(11, 10, "redis-server *:6379", layout=1)
        assert roles(over([redis, forked], [redis])) == {10: W}

    @pytest.mark.parametrize("new_parent", [1, 5])
    def test_workers_outlive_their_master(self, new_parent: int) -> None:
        around = [shell, process(5, 1, "systemd --user")]
        left = [orphaned(worker, new_parent), orphaned(second, new_parent)]
        alone = [orphaned(worker, new_parent)]
        grouping = over(*[[*around, master, worker, second]] * 3, [*around, *left], [*around, *alone])
        assert roles(grouping) == {11: W}
        assert groups(grouping) == {11: "gunicorn:app:app"}

    def test_workers_are_taken_over_by_a_master_that_is_pid_1(self) -> None:
        first = process(1, 0, GUNICORN, layout=1)
        new = process(10, 1, GUNICORN, layout=2)
        its = process(11, 10, GUNICORN, layout=2)
        grouping = over(*[[first, new, its]] * 3, [first, orphaned(its)])
        assert roles(grouping) == {1: M, 11: W}

    def test_an_orphan_that_forks_for_itself_is_a_worker_still(self) -> None:
        own = process(20, 11, GUNICORN, layout=1)
        assert roles(over(*[[master, worker]] * 3, [orphaned(worker), own])) == {11: W, 20: A}

    def test_spawned_workers_outlive_their_master(self) -> None:
        uvicorn = process(10, 1, "python3 /bin/uvicorn app:asgi", layout=1)
        spawned = process(
            11, 10, ["python3", "-c", "from multiprocessing.spawn import spawn_main; x"], layout=2
        )
        tracker = process(
            12, 10, ["python3", "-c", "from multiprocessing.resource_tracker import main"], layout=3
        )
        grouping = over([uvicorn, spawned, tracker], [orphaned(spawned), orphaned(tracker)])
        assert groups(grouping) == {11: "uvicorn:app:asgi", 12: "uvicorn:app:asgi"}
        assert roles(grouping) == {11: W, 12: A}

    def test_cgid_outlives_its_master(self) -> None:
        httpd = process(10, 1, "/usr/sbin/apache2", layout=1)
        family = [
            process(pid, 10, "/usr/sbin/apache2", threads=1 if pid == 11 else 7, layout=1)
            for pid in (11, 12, 13)
        ]
        grouping = over(*[[httpd, *family]] * 3, [orphaned(one) for one in family])
        assert roles(grouping) == {11: A, 12: W, 13: W}

    def test_hot_upgrade_from_beginning_to_end(self) -> None:
        new = process(20, 10, GUNICORN, layout=2)
        its = process(21, 20, GUNICORN, layout=2)
        seeing = grouper()
        for table, expected in (
            ([master, worker], {10: M, 11: W}),
            ([master, worker, new], {10: M, 11: W, 20: W}),  # nothing tells it from a worker yet
            ([master, worker, new, its], {10: M, 11: W, 20: M, 21: W}),
            ([master, worker, new, its], {10: M, 11: W, 20: M, 21: W}),
            ([orphaned(new), its], {20: M, 21: W}),
            ([orphaned(new)], {20: M}),
        ):
            assert roles(seeing.assign(sample(*table))) == expected

    def test_a_server_that_puts_itself_into_the_background(self) -> None:
        launcher = process(10, 1, GUNICORN, layout=1)
        between = process(11, 10, GUNICORN, layout=1)
        daemon = process(12, 11, GUNICORN, layout=1)
        forked = process(13, 12, GUNICORN, layout=1)
        grouping = over([launcher, between, daemon], [orphaned(daemon)], [orphaned(daemon), forked])
        assert roles(grouping) == {12: M, 13: W}

    def test_a_worker_has_the_title_of_its_master_for_a_moment(self) -> None:
        titled = process(10, 1, ["gunicorn: master [shop]"], layout=1)
        early = process(11, 10, ["gunicorn: master [shop]"], layout=1)
        late = early._replace(argv=("gunicorn: worker [shop]",))
        assert roles(over([titled, early], [titled, late])) == {10: M, 11: W}


class TestReload:
    def test_every_process_is_claimed_again(self) -> None:
        seeing = grouper(configured("process_names: [{name: one, cmdline: [gunicorn]}]"))
        assert groups(seeing.assign(sample(master, ffmpeg))) == {10: "one"}
        seeing.configure(configured("process_names: [{name: two, comm: [ffmpeg]}]\ncatalog: false"))
        assert groups(seeing.assign(sample(master, ffmpeg))) == {13: "two"}

    def test_a_master_without_workers_is_still_known_as_one(self) -> None:
        seeing = grouper()
        for table in [[master, worker]] * 3:
            seeing.assign(sample(*table))
        seeing.configure(CATALOG)
        assert roles(seeing.assign(sample(master))) == {10: M}

    def test_a_zombie_keeps_the_group_of_the_title_that_it_had(self) -> None:
        seeing = grouper()
        seeing.assign(sample(master, worker))
        seeing.assign(sample(master, ended(worker)))
        seeing.configure(CATALOG)
        assert groups(seeing.assign(sample(master, ended(worker)))) == {
            10: "gunicorn:app:app",
            11: "gunicorn:app:app",
        }


class TestNamesOfOwnEntries:
    """A catalogue entry adds no process to a group whose name an entry of the user's has produced."""

    FIXED = configured("process_names: [{name: 'gunicorn:shop', cmdline: ['^own ']}]")
    TEMPLATED = configured(
        "process_names: [{name: 'gunicorn:{{.Matches.app}}', cmdline: ['^own (?P<app>.+)']}]"
    )
    BOTH = pytest.mark.parametrize("configuration", [FIXED, TEMPLATED], ids=["fixed", "templated"])

    own = process(5, 1, "own shop", layout=5)
    titled = process(10, 1, ["gunicorn: master [shop]"], layout=1)
    other = process(20, 1, ["gunicorn: master [blog]"], layout=2)

    @BOTH
    def test_what_the_catalogue_would_add_is_ungrouped(self, configuration: Configuration) -> None:
        for table in (
            [self.own, self.titled, self.other],
            [self.titled, self.other, self.own._replace(pid=30)],
        ):
            grouping = over(table, configuration=configuration)
            assert {name: len(group.members) for name, group in grouping.groups.items()} == {
                "gunicorn:shop": 1,
                "gunicorn:blog": 1,
            }
            assert grouping.ungrouped == (self.titled,)

    def test_a_fixed_name_is_the_users_before_the_first_process(self) -> None:
        grouping = over([self.titled], configuration=self.FIXED)
        assert grouping.ungrouped == (self.titled,)

    def test_a_name_that_is_cut_is_the_same_name(self) -> None:
        long = configured("process_names: [{name: 'gunicorn:shop-of-many', cmdline: ['^own ']}]")
        configuration = replace(long, limits=Limits(name_bytes=16))
        titled = process(10, 1, ["gunicorn: master [shop-of-others]"])
        assert over([titled], configuration=configuration).ungrouped == (titled,)

    def test_it_leaves_the_group_when_the_users_entry_produces_the_name(self) -> None:
        seeing = grouper(self.TEMPLATED)
        assert groups(seeing.assign(sample(self.titled))) == {10: "gunicorn:shop"}
        assert groups(seeing.assign(sample(self.own, self.titled))) == {5: "gunicorn:shop"}

    @BOTH
    def test_it_stays_out_when_the_users_process_is_gone(self, configuration: Configuration) -> None:
        table = [self.titled, self.other]
        grouping = over([self.own, *table], *[table] * 3, configuration=configuration)
        assert groups(grouping) == {20: "gunicorn:blog"}
        late = process(40, 1, ["gunicorn: worker [shop]"])
        grouping = over([self.own, *table], table, [*table, late], configuration=configuration)
        assert groups(grouping) == {20: "gunicorn:blog"}

    def test_it_joins_an_ancestor_as_if_no_entry_claimed_it(self) -> None:
        below = self.titled._replace(parent_pid=5)
        grouping = over([self.own, below], configuration=self.FIXED)
        assert groups(grouping) == {5: "gunicorn:shop", 10: "gunicorn:shop"}
        assert [(member.joined, member.entry.builtin) for member in members_of(grouping)] == [
            (False, False),
            (True, False),
        ]

    def test_what_had_joined_the_catalogues_process_leaves_with_it(self) -> None:
        helper = process(12, 10, "ffmpeg", comm="ffmpeg", layout=3)
        for left in ([self.titled, helper], [orphaned(helper)]):
            seeing = grouper(self.TEMPLATED)
            assert set(groups(seeing.assign(sample(shell, self.titled, helper)))) == {10, 12}
            assert groups(seeing.assign(sample(shell, self.own, *left))) == {5: "gunicorn:shop"}

    def test_a_reload_keeps_the_names_of_the_entries_that_stay(self) -> None:
        seeing = grouper(self.TEMPLATED)
        seeing.assign(sample(self.own, self.titled))
        seeing.assign(sample(self.titled))
        seeing.configure(self.TEMPLATED)
        assert not members_of(seeing.assign(sample(self.titled)))
        seeing.configure(CATALOG)
        assert groups(seeing.assign(sample(self.titled))) == {10: "gunicorn:shop"}

    def test_names_without_a_process_are_remembered_up_to_the_limit_of_groups(self) -> None:
        seeing = grouper(replace(self.TEMPLATED, limits=Limits(groups=3)))
        for number in range(10):
            seeing.assign(sample(process(50 + number, 1, f"own app{number}")))
        titled = [process(100 + number, 1, [f"gunicorn: master [app{number}]"]) for number in range(10)]
        grouping = seeing.assign(sample(*titled))
        # The oldest are forgotten first; these have no process and are remembered.
        assert grouping.ungrouped == tuple(titled[-3:])
        assert len(seeing._own_names) == 3


class TestLimitOfGroups:
    CONFIGURATION = replace(
        configured("process_names: [{name: '{{.Matches.n}}', cmdline: ['^app (?P<n>.+)']}]"),
        limits=Limits(groups=2),
    )

    def app(self, pid: int, name: str, parent: int = 1) -> Process:
        return process(pid, parent, f"app {name}", layout=pid)

    def test_those_that_were_there_keep_their_place(self) -> None:
        seeing = grouper(self.CONFIGURATION)
        seeing.assign(sample(self.app(20, "b"), self.app(21, "c")))
        grouping = seeing.assign(sample(self.app(10, "a"), self.app(20, "b"), self.app(21, "c")))
        assert groups(grouping) == {10: OVERFLOW, 20: "b", 21: "c"}
        assert grouping.overflow == 1
        grouping = seeing.assign(sample(self.app(10, "a"), self.app(20, "b")))
        assert groups(grouping) == {10: "a", 20: "b"}
        assert grouping.overflow == 0

    def test_roles_are_those_of_the_group_that_it_would_be(self) -> None:
        table = [
            self.app(5, "a"),
            self.app(6, "b"),
            self.app(10, "c"),
            self.app(11, "c", 10),
            self.app(20, "d"),
        ]
        grouping = over(table, configuration=self.CONFIGURATION)
        assert grouping.overflow == 3
        assert roles(grouping) == {5: W, 6: W, 10: M, 11: W, 20: W}


def test_nothing_is_matched_again_while_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = []
    claim: Callable[..., object] = selectors.claim
    monkeypatch.setattr(
        selectors, "claim", lambda entry, process: claims.append(process.pid) or claim(entry, process)
    )
    table = [shell, master, worker, second, ffmpeg]
    seeing = grouper()
    seeing.assign(sample(*table))
    claims.clear()
    ran = [one._replace(cpu_ticks=one.cpu_ticks + 5, state="R", swap=7) for one in table]
    grouping = seeing.assign(sample(*ran))
    assert [member.process for member in members_of(grouping)] == ran[1:]
    assert grouping.ungrouped == (ran[0],)
    seeing.assign(sample(*ran[:-1], process(99, 1, "gunicorn: master [x]")))
    assert set(claims) == {99}


TITLES = st.sampled_from(
    [
        GUNICORN,
        "gunicorn: master [shop]",
        "gunicorn: worker [shop]",
        "php-fpm: pool www",
        "/usr/sbin/apache2 -k start",
        "python3 -c from multiprocessing.spawn import spawn_main",
        "sh",
        "",
        "\ufffd\n) S 1 (",
    ]
)
PROCESSES = st.builds(
    lambda pid, start, parent, argv, threads, layout, state, uid: process(
        pid, parent, argv, start=start, threads=threads, layout=layout, state=state, uid=uid
    ),
    pid=st.integers(1, 12),
    start=st.integers(0, 3),
    parent=st.integers(0, 12),
    argv=TITLES | st.text(max_size=8),
    threads=st.integers(0, 3),
    layout=st.none() | st.integers(1, 2),
    state=st.sampled_from("SRZXD"),
    uid=st.none() | st.just(0),
)
SAMPLES = st.lists(PROCESSES, max_size=12, unique_by=lambda one: one.pid).map(lambda table: sample(*table))
OWN = configured(
    "process_names: [{name: 'gunicorn:{{.Matches.app}}', cmdline: ['^gunicorn: master .(?P<app>[a-z]+)']}]"
)
CONFIGURATIONS = st.builds(
    lambda base, children, limit: replace(base, children=children, limits=Limits(groups=limit)),
    st.sampled_from([CATALOG, OWN]),
    st.booleans(),
    st.integers(1, 3),
)


class Thorough(Grouper):
    """Looks at everything at every sample."""

    def _track(self, processes: Mapping[int, Process]) -> tuple[list[_Known], list[_Known]]:
        self._seen = {}
        touched, renewed = super()._track(processes)
        return touched + list(self._known.values()), renewed


@given(CONFIGURATIONS, st.lists(SAMPLES, min_size=2, max_size=8))
def test_looking_only_at_what_has_changed_misses_nothing(
    configuration: Configuration, samples: list[Sample]
) -> None:
    seeing, thorough = Grouper(configuration, CONTEXT), Thorough(configuration, CONTEXT)
    before: Mapping[int, Process] = {}
    for seen in samples:
        # As the scanner has it: who has not changed is the same object.
        processes = {
            pid: before[pid] if before.get(pid) == process else process
            for pid, process in seen.processes.items()
        }
        assert seeing.assign(replace(seen, processes=processes)) == thorough.assign(seen)
        before = processes


@given(CONFIGURATIONS, st.lists(SAMPLES, max_size=6))
def test_each_process_is_in_one_place_and_a_second_look_shows_the_same(
    configuration: Configuration, samples: list[Sample]
) -> None:
    seeing = Grouper(configuration, CONTEXT)
    for seen in samples:
        grouping = seeing.assign(seen)
        placed = [member.process for member in members_of(grouping)] + list(grouping.ungrouped)
        assert sorted(placed) == sorted(seen.processes.values())
        names = {member.group for member in members_of(grouping)} - {OVERFLOW}
        assert len(names) <= configuration.limits.groups
        assert grouping.overflow == sum(member.group == OVERFLOW for member in members_of(grouping))
        own = {member.group for member in members_of(grouping) if not member.entry.builtin} - {OVERFLOW}
        assert not own & {member.group for member in members_of(grouping) if member.entry.builtin}
        assert seeing.assign(seen) == grouping
        assert seeing.assign(replace(seen, processes=dict(seen.processes))) == grouping
