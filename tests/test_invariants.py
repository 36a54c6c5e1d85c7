"""What holds of any samples in any order, from grouping to the exposition."""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from swap_exporter import config
from swap_exporter.assessment import Assessment, Residency, assess
from swap_exporter.details.details import Details
from swap_exporter.exposition.render import families
from swap_exporter.grouping.grouper import OVERFLOW, Grouper
from swap_exporter.grouping.roles import Role
from swap_exporter.history.activity import Activity
from swap_exporter.history.activity_tracker import PersistedState
from swap_exporter.history.history import History
from swap_exporter.kernel.taskstats import TaskDelays
from swap_exporter.sampling.sample import Identity, Process, Sample
from swap_exporter.settings import Configuration, Limits
from swap_exporter.settings.template import TemplateContext
from tests.making import HZ, host, instant, process, sample

CONFIGURATION = config.parse(
    b"""
process_names:
  - {name: "fixed", comm: [fixed]}
  - {name: "{{.Matches.app}}", cmdline: ['^app (?P<app>.*)']}
""",
    "test.yml",
)

sizes = st.none() | st.integers(0, 1 << 36)
steps = st.lists(
    st.tuples(
        st.integers(0, 4000) | st.just(15),  # seconds since the last sample
        st.lists(
            st.tuples(
                st.integers(1, 12),  # pid
                st.integers(0, 12),  # parent
                st.integers(0, 500),  # ticks of CPU, major faults and pages since the last sample
                st.booleans(),  # whether it is another process by now
                st.sampled_from(["app a", "app b", "app c", "app", "gunicorn: worker [x]", "sh", "fixed"]),
                st.sampled_from("SRDZ"),
                sizes,
                sizes,
                st.none() | st.booleans(),  # whether delay accounting measures it
            ),
            unique_by=lambda reading: reading[0],
            max_size=8,
        ),
    ),
    min_size=2,
    max_size=12,
)


class Line:
    """The pure part of the pipeline, fed with what the kernel could say."""

    def __init__(self, limits: Limits, *, thorough: bool = True) -> None:
        """``thorough``: nobody is the same object as before, and nothing is remembered of what was said."""
        self._thorough = thorough
        self._before: Mapping[int, Process] = {}
        self._said: Assessment | None = None
        self.configuration: Configuration = replace(CONFIGURATION, limits=limits)
        self._grouper = Grouper(self.configuration, TemplateContext(0, HZ, str))
        self._history = History(self.configuration)
        self._used: dict[Identity, int] = {}
        self._starts: dict[int, int] = {}
        self._seconds = 1000

    def step(self, elapsed: int, readings: list[tuple[object, ...]]) -> Assessment:
        self._seconds += elapsed
        processes, delays = [], {}
        for pid, parent, ticks, recycled, title, state, swap, resident, measured in readings:
            seen = self._process(pid, parent, ticks, recycled, title, state, swap, resident)  # type: ignore[arg-type]
            processes.append(seen)
            if measured:
                pages = self._used[seen.identity]
                delays[seen.identity] = TaskDelays(pages, pages, pages * 1000, measured=True)
        if not self._thorough:
            processes = [seen if (was := self._before.get(seen.pid)) != seen else was for seen in processes]
            self._before = {seen.pid: seen for seen in processes}
        taken = sample(instant(self._seconds), processes, host(available=1 << 34))
        grouping = self._grouper.assign(taken)
        details = Details(delays=delays, proportional_swap=_shares(taken))
        before = None if self._thorough else self._said
        self._said = assess(self._history.observe(taken, grouping, details), self.configuration, before)
        return self._said

    def persisted_state(self) -> PersistedState | None:
        return self._history.persisted_state()

    def _process(
        self,
        pid: int,
        parent: int,
        ticks: int,
        recycled: bool,
        title: str,
        state: str,
        swap: int | None,
        resident: int | None,
    ) -> Process:
        if recycled or pid not in self._starts:
            self._starts[pid] = self._seconds - 1
        seen = process(pid, start=self._starts[pid], swap=swap, resident=resident, state=state, parent=parent)
        used = self._used[seen.identity] = self._used.get(seen.identity, 0) + ticks
        return seen._replace(argv=(title,), comm=title[:15], cpu_ticks=used, major_faults=used)


def _shares(taken: Sample) -> Mapping[Identity, int]:
    """Of every second process a third of its VmSwap is its own share."""
    return {
        process.identity: process.swap // 3
        for process in taken.processes.values()
        if process.swap is not None and process.pid % 2
    }


def counters(assessment: Assessment) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, sample.labels["group"], sample.labels["role"]): sample.value
        for family in families(assessment)
        if family.type == "counter" and family.name.startswith("swap_group")
        for sample in family.samples
    }


@settings(max_examples=150, deadline=None)
@given(
    steps,
    st.lists(st.tuples(st.sampled_from([1, 15, 60, 61, 121, 300, 301]), st.integers(0, 3)), max_size=12),
    st.integers(1, 4),
)
def test_who_looks_only_at_what_has_changed_says_the_same(
    samples: list[tuple[int, list[tuple[object, ...]]]], pauses: list[tuple[int, int]], limit: int
) -> None:
    """With pauses after some of the samples in which only a few processes do anything."""
    seeing, thorough = Line(Limits(groups=limit), thorough=False), Line(Limits(groups=limit))
    for number, (elapsed, readings) in enumerate(samples):
        course = [(elapsed, readings)]
        for pause, active in pauses[number::3]:
            still = [(*of[:2], 0, False, *of[4:]) for of in readings[active:]]
            course.append((pause, [(*of[:3], False, *of[4:]) for of in readings[:active]] + still))
        for seconds, seen in course:
            said, expected = seeing.step(seconds, seen), thorough.step(seconds, seen)
            assert list(families(said)) == list(families(expected))
            assert said.groups == expected.groups
            assert [group.verdicts for group in said.groups] == [group.verdicts for group in expected.groups]
            assert seeing.persisted_state() == thorough.persisted_state()


def test_a_worker_becomes_idle_at_its_time_though_nothing_else_changes() -> None:
    """After 300 s, between two renewals of its anchor: at 244 and at 304 s."""
    line = Line(Limits(), thorough=False)
    worker = (5, 1, 0, False, "app a", "S", 0, 0, None)
    after = {}
    for seconds in (0, 61, 61, 61, 61, 55, 2):
        assessment = line.step(seconds, [worker])
        [group] = [group for group in assessment.groups if group.name == "a"]
        after[assessment.sample.at.monotonic - 1000] = group.workers[Activity.IDLE, Residency.RESIDENT]
    assert after == {0: 0, 61: 0, 122: 0, 183: 0, 244: 0, 299: 0, 301: 1}


@settings(max_examples=80, deadline=None)
@given(steps, st.integers(1, 4))
def test_counters_never_fall_while_their_group_is_known(
    samples: list[tuple[int, list[tuple[object, ...]]]], limit: int
) -> None:
    line = Line(Limits(groups=limit))
    highest: dict[tuple[str, ...], float] = {}
    for elapsed, readings in samples:
        assessment = line.step(elapsed, readings)
        known = {group.name for group in assessment.groups}
        highest = {key: value for key, value in highest.items() if key[1] in known}
        now = counters(assessment)
        for key, value in now.items():
            assert value >= highest.get(key, 0), key
        highest |= now


@settings(max_examples=80, deadline=None)
@given(steps, st.integers(1, 4))
def test_what_is_counted_adds_up(samples: list[tuple[int, list[tuple[object, ...]]]], limit: int) -> None:
    line = Line(Limits(groups=limit))
    for elapsed, readings in samples:
        assessment = line.step(elapsed, readings)
        alive = [process for process in assessment.sample.processes.values() if not process.ended]
        grouped = sum(role.processes for group in assessment.groups for role in group.roles.values())
        assert grouped <= len(alive)
        for group in assessment.groups:
            assert sum(group.workers.values()) == group.roles[Role.WORKER].processes
        overflow = [group for group in assessment.groups if group.name == OVERFLOW]
        in_overflow = sum(role.processes for group in overflow for role in group.roles.values())
        assert in_overflow <= assessment.overflow
        # The fixed name and the overflow stand beside those that the limit counts.
        assert len(assessment.groups) <= limit + 2
        held = assessment.attribution
        meminfo = assessment.sample.host.meminfo
        assert held is not None
        assert meminfo is not None
        if held.unattributed is not None:
            assert held.grouped is not None
            assert held.ungrouped is not None
            attributed = held.grouped + held.ungrouped + (held.sysv_shm or 0)
            assert attributed + held.unattributed >= meminfo.swap_total - meminfo.swap_free


def test_the_strategy_reaches_what_it_should() -> None:
    """A long pause forgets a group, a short one does not: neither property is held by nothing."""
    worker = (5, 0, 100, False, "app a", "S", 1, 1, True)
    line = Line(Limits(groups=2))
    assert counters(line.step(0, []))["swap_group_cpu_seconds_total", "fixed", "worker"] == 0
    line.step(15, [worker])
    assert counters(line.step(15, [worker]))["swap_group_cpu_seconds_total", "a", "worker"] == 2
    assert ("swap_group_cpu_seconds_total", "a", "worker") in counters(line.step(60, []))
    assert ("swap_group_cpu_seconds_total", "a", "worker") not in counters(line.step(600, []))
