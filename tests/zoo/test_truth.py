"""What must be counted when, and how an exporter is judged by it: on recordings of a few lines."""

from collections.abc import Mapping, Sequence

import pytest

from tests.zoo.accuracy import complaints, document, judge
from tests.zoo.recording import FIELDS, Answered, Event, Reading, Recorded, Recording, Sampled
from tests.zoo.truth import Duty, Truth, wake_all_seconds, wake_seconds

MIB = 1 << 20
LENGTH = 1200
OUT = 40 << 10
"""kB"""


def reading(swap: int, threads: int = 1, majflt: int = 0) -> Reading:
    values = dict.fromkeys(FIELDS, 0) | {"vm_swap": swap, "rss_anon": OUT - swap, "threads": threads}
    return Reading(**(values | {"state": "S", "majflt": majflt}))  # type: ignore[arg-type]


def recording(
    swapped: Sequence[tuple[int, int]],
    served: Sequence[float] = (),
    ms: float = 5,
    threads: int = 1,
    read_back: int = 0,
    about: Mapping[str, object] | None = None,
) -> Recording:
    """One worker for 1,200 seconds: ``swapped`` gives from when on how many kB are in swap.

    Every answer finds ``read_back`` kB less in swap than the sample before.
    """
    steps = sorted(swapped)

    def swap(at: float) -> int:
        return next((kilobytes for start, kilobytes in reversed(steps) if start <= at), 0)

    # A request that reads back takes faults.
    faults = read_back // 4

    def found(t: int) -> int:
        """What the sample after an answer finds less."""
        return read_back if t - 1 in served else 0

    samples = [
        Sampled(t, t, {}, {0: reading(swap(t) - found(t), threads, t * faults)}) for t in range(LENGTH)
    ]
    answers = [
        Answered("pool", 0, t, t + 0.01, ms, 0, 0, (swap(t) - read_back) * 1024, (OUT - swap(t)) * 1024)
        for t in served
    ]
    return Recording(
        100,
        [Recorded(0, 4711, 1, "pool", "worker", "python")],
        samples,
        answers,
        about={"families": {"pool": "pool:.*"}, **(about or {})},
    )


def every(seconds: float, start: float, end: float) -> list[float]:
    return [start + n * seconds for n in range(int((end - start) / seconds))]


LOAD = every(1, 100, 200)
CASES = {
    "fresh, in memory": (recording([]), {400: Duty.LEAVE}),
    "fresh, pushed out": (recording([(200, OUT)]), {329: Duty.OPEN, 331: Duty.COUNT, 1199: Duty.COUNT}),
    "served, pushed out": (
        recording([(240, OUT)], LOAD),
        {480: Duty.LEAVE, 498: Duty.OPEN, 515: Duty.OPEN, 530: Duty.COUNT, 1199: Duty.COUNT},
    ),
    "served with all in swap: cold": (recording([(50, OUT)], LOAD), {600: Duty.LEAVE}),
    "pushed out again, over what is cold": (
        recording([(50, OUT // 2), (240, OUT)], LOAD),
        {600: Duty.COUNT},
    ),
    "the pages are back": (recording([(240, OUT), (700, 0)], LOAD), {690: Duty.COUNT, 740: Duty.LEAVE}),
    "a load while pushed out": (
        recording([(50, OUT)], every(1, 500, 600)),
        {499: Duty.COUNT, 520: Duty.OPEN, 532: Duty.LEAVE, 599: Duty.LEAVE},
    ),
    "rare requests": (
        recording([(50, OUT)], every(20, 500, 900), ms=3),
        {520: Duty.OPEN, 560: Duty.LEAVE, 880: Duty.LEAVE},
    ),
    "rare requests, several threads": (
        recording([(50, OUT)], every(20, 500, 900), ms=3, threads=4),
        {560: Duty.OPEN, 820: Duty.LEAVE},
    ),
    "rare requests, wakes often when idle": (
        recording([(50, OUT)], every(20, 500, 900), ms=3, about={"ticking": ["pool"]}),
        {560: Duty.OPEN, 880: Duty.OPEN},
    ),
    "a load, wakes often when idle": (
        recording([(50, OUT)], every(1, 500, 600), ms=2, about={"ticking": ["pool"]}),
        {540: Duty.LEAVE},
    ),
    "health checks": (
        recording([(240, OUT)], [*LOAD, *every(60, 300, 900)], ms=2),
        {601: Duty.COUNT, 890: Duty.COUNT},
    ),
    "health checks that read back much": (
        recording([(240, OUT)], [*LOAD, *every(60, 300, 900)], ms=2, read_back=OUT // 5),
        {601: Duty.OPEN},
    ),
    "health checks, each as several requests": (
        recording([(240, OUT)], [*LOAD, *(t + n / 10 for t in every(60, 300, 900) for n in range(3))], ms=2),
        {601: Duty.COUNT},
    ),
    "a request that is not answered yet": (
        recording([(240, OUT)], [*LOAD, 700]),
        {699: Duty.COUNT, 700: Duty.OPEN},
    ),
}


@pytest.mark.parametrize(
    ("case", "at", "duty"),
    [(name, at, duty) for name, (_, duties) in CASES.items() for at, duty in duties.items()],
)
def test_a_worker_must_be_counted_or_not(case: str, at: int, duty: Duty) -> None:
    assert Truth(CASES[case][0]).duty(0, at) is duty


def test_what_is_displaced_is_less_what_it_served_without() -> None:
    truth = Truth(recording([(50, OUT // 2), (240, OUT)], LOAD))
    assert truth.displaced(0, 600) == OUT // 2 * 1024


@pytest.mark.parametrize(("counted", "wrong"), [(1, 0), (0, 20)])
def test_scrapes_are_judged(counted: int, wrong: int) -> None:
    judged = recording([(240, OUT)], LOAD)
    judged.events += [Event(600, "phase", "", "night"), Event(900, "phase end", "", "night")]
    judged.scrapes += [(t, {"pool:a": {"idle_swapped_workers": counted}}) for t in range(600, 900, 15)]
    (row,) = judge(judged)
    assert row.cells["first night"].wrong == wrong
    assert str(row.cells["first night"]).startswith(f"{counted}/1")
    assert bool([line for line in complaints([row]) if "first night" in line]) == bool(wrong)
    assert f"**{wrong} of 20 verdicts" in document(judged)


def test_waking_is_measured_over_a_warm_request() -> None:
    woken = recording([(240, OUT)], [])
    woken.events += [Event(600, "wake one", "pool", ""), Event(610, "wake one end", "pool", "")]
    woken.answers += [Answered("pool", 0, 600, 600.5, 5, 25, 0, 0, 0)]
    woken.answers += [Answered("pool", 0, t, t + 0.1, 5, 25, 0, 0, 0) for t in (602, 604, 606)]
    assert wake_seconds(woken, "pool") == pytest.approx(0.4)
    assert wake_seconds(woken, "another") is None


def test_waking_all_takes_until_the_last_answer() -> None:
    woken = recording([(240, OUT)], [])
    woken.events += [Event(600, "wake all", "pool", ""), Event(610, "wake all end", "pool", "")]
    woken.answers += [Answered("pool", 0, 600, 601 + late, 5, 25, 1000, 0, 0) for late in (0.2, 0.7, 0.3)]
    assert wake_all_seconds(woken, "pool") == pytest.approx(0.7)


def test_the_page_has_a_table_of_nights() -> None:
    zoo, nights = recording([(240, OUT)], LOAD), recording([(240, OUT)], LOAD, about={"story": "nights"})
    nights.events += [Event(600, "phase", "", "night"), Event(900, "phase end", "", "night")]
    nights.events += [
        Event(900, "phase", "", "load_while_out"),
        Event(999, "phase end", "", "load_while_out"),
    ]
    page = document(zoo, nights)
    assert "| first night | first day |" in page.partition("## Pressure")[2]
    assert "first day" not in page.partition("## Pressure")[0]
