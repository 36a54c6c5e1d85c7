"""What happens to the servers of the zoo, phase by phase, to all of them at the same time.

Each phase is a method and is named in :data:`PHASES`. Durations are seconds; a story can be shortened by a
factor. After every answer the recorder reads the process that gave it: that is the truth.
"""

import contextlib
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from tests.zoo.family import TIMEOUT, Answer, Family, Request
from tests.zoo.recorder import Recorder

ORDINARY = Request(ms=5, touch=25)
WHOLE = Request(ms=5, touch=100)
"""Before a night with health checks: they read back less than a tenth of what it displaces."""
COLD = Request(ms=5)
RARE = Request(ms=3)
HEALTH = Request(ms=2)
PUSHED_AT_ONCE = 3
THRASHING_AT_ONCE = 4
NEIGHBOUR_MIB = 48
LIMIT = 24 << 20
"""Bytes of memory for the servers and the neighbour together."""
NEIGHBOUR_RATE = 20.0
"""MiB a second."""


@dataclass(frozen=True)
class Times:
    """Seconds."""

    settle: float = 20
    fresh: float = 60
    """Idle before the first push-out."""
    night: float = 60
    """Idle after a push-out of workers that have been idle long enough."""
    load: float = 60
    dusk: float = 45
    """Idle between the last request and the push-out."""
    rest: float = 305
    """Idle after a push-out until idle.after has passed since the last request, and three ticks more."""
    rare: float = 360
    rare_every: float = 20
    health: float = 480
    health_every: float = 60
    thrash: float = 60

    def shortened(self, factor: float) -> "Times":
        names = [name for name in self.__dataclass_fields__ if not name.endswith("_every")]
        return replace(self, **{name: getattr(self, name) * factor for name in names})


SHORT = Times()
"""For recordings: verdicts on the first night need a longer ``fresh``."""
FULL = Times(fresh=330, night=75, load=75)
"""For the daemon with default settings."""


class Story:
    def __init__(
        self,
        families: Sequence[Family],
        recorder: Recorder,
        times: Times,
        between: Callable[[str], None] = lambda phase: None,
    ) -> None:
        """``between`` is called with the name of each phase that is over."""
        self.families = list(families)
        self.recorder = recorder
        self.times = times
        self.between = between
        self.failed: dict[str, str] = {}
        self._pushing = threading.Semaphore(PUSHED_AT_ONCE)

    def run(self, phases: Sequence[str]) -> None:
        for phase in phases:
            self.recorder.event("phase", "", phase)
            print(f"{time.strftime('%H:%M:%S')} {phase}", flush=True)
            getattr(self, phase)()
            self.recorder.event("phase end", "", phase)
            self.between(phase)

    # Phases: of all families.

    def settle(self) -> None:
        time.sleep(self.times.settle)

    def fresh(self) -> None:
        time.sleep(self.times.fresh)

    def push(self) -> None:
        self.all(self._push)

    def night(self) -> None:
        time.sleep(self.times.night)

    def rest(self) -> None:
        time.sleep(self.times.rest)

    def dusk(self) -> None:
        time.sleep(self.times.dusk)

    def morning(self) -> None:
        self.all(lambda family: self._serve(family, ORDINARY, 1.0, self.times.load))

    def whole_morning(self) -> None:
        self.all(lambda family: self._serve(family, WHOLE, 1.0, self.times.load))

    def load_while_out(self) -> None:
        self.all(lambda family: self._serve(family, COLD, 1.0, self.times.load))

    def rare(self) -> None:
        self.all(lambda family: self._serve(family, RARE, self.times.rare_every, self.times.rare))

    def health(self) -> None:
        time.sleep(min(self.times.health_every, self.times.health))
        self.all(lambda family: self._serve(family, HEALTH, self.times.health_every, self.times.health))

    def thrash(self) -> None:
        self._thrash(lambda family: time.sleep(self.times.thrash))

    def thrash_and_serve(self) -> None:
        self._thrash(lambda family: self._serve(family, COLD, 1.0, self.times.thrash))

    def wake_one_by_one(self) -> None:
        """One worker of one family at a time, in turns, so that each wakes alone."""
        woken: dict[str, set[int]] = {family.name: set() for family in self.alive()}
        for _ in range(max(family.count for family in self.alive())):
            for family in self.alive():
                with self._guard(family):
                    self._wake_one(family, woken[family.name])

    def wake_all(self) -> None:
        for family in self.alive():
            with self._guard(family):
                self.recorder.proportional(family)
                self.recorder.event("wake all", family.name)
                answers = family.ask_each(ORDINARY, hold=1000)
                self.recorder.event("wake all end", family.name, str(len(answers)))
                for _ in range(5):
                    family.ask_each(ORDINARY)
                    time.sleep(0.1)

    # Steps: of one family.

    def _push(self, family: Family) -> None:
        assert family.cgroup is not None
        with self._pushing:
            self.recorder.event("push", family.name)
            family.cgroup.push_out()
            self.recorder.event("push end", family.name)
            self.recorder.proportional(family)

    def _serve(self, family: Family, request: Request, every: float, seconds: float) -> None:
        """Every worker serves ``request`` once in ``every`` seconds."""
        begin = due = time.monotonic()
        while due - begin < seconds:
            family.ask_each(request)
            due = max(due + every, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))

    def _thrash(self, meanwhile: Callable[[Family], None]) -> None:
        alive = self.alive()
        for first in range(0, len(alive), THRASHING_AT_ONCE):
            self.all(
                lambda family: self._thrash_one(family, meanwhile), alive[first : first + THRASHING_AT_ONCE]
            )

    def _thrash_one(self, family: Family, meanwhile: Callable[[Family], None]) -> None:
        cgroup = family.cgroup
        assert cgroup is not None
        numbers = map(str, (NEIGHBOUR_MIB, NEIGHBOUR_RATE, self.times.thrash + 60))
        command = [sys.executable, "-m", "tests.zoo.neighbour", *numbers]
        neighbour = subprocess.Popen(cgroup.command(*command))
        family.neighbours.add(neighbour.pid)
        try:
            time.sleep(1)
            self.recorder.event("thrash", family.name)
            cgroup.limit(LIMIT)
            meanwhile(family)
        finally:
            cgroup.limit(None)
            neighbour.kill()
            neighbour.wait(60)
            self.recorder.event("thrash end", family.name)

    def _wake_one(self, family: Family, woken: set[int]) -> None:
        """A worker that has not been woken serves one request alone, and a few more when it is warm."""
        asleep = [pid for pid in family.workers() if pid not in woken]
        if not asleep:
            return
        self.recorder.event("wake one", family.name)
        if family.keeps:
            answer = family.ask_worker(asleep[0], ORDINARY)
            if answer is not None:
                woken.add(answer.pid)
                for _ in range(5):
                    time.sleep(0.1)
                    family.ask_worker(answer.pid, ORDINARY)
        else:
            self._wake_one_of_pool(family, woken)
        self.recorder.event("wake one end", family.name)

    def _wake_one_of_pool(self, family: Family, woken: set[int]) -> None:
        # Those that are awake sleep in a request of their own until one answers that was asleep.
        request = ORDINARY._replace(hold=400.0 * (family.count + 1))
        answers: list[Answer] = []
        asking: list[threading.Thread] = []
        for _ in range(len(woken) + 1):
            asking.append(threading.Thread(target=_ask, args=(family, request, answers)))
            asking[-1].start()
            time.sleep(0.4)
        for thread in asking:
            thread.join(10 * TIMEOUT)
        woken.update(answer.pid for answer in answers)
        if woken >= set(family.workers()):  # a warm request could wake one that is asleep
            for _ in range(5):
                family.ask_each(ORDINARY)
                time.sleep(0.1)

    # Machinery.

    def alive(self) -> list[Family]:
        return [family for family in self.families if family.name not in self.failed]

    def all(self, step: Callable[[Family], None], families: Sequence[Family] | None = None) -> None:
        """The same step for all families at the same time."""
        chosen = self.alive() if families is None else list(families)
        with ThreadPoolExecutor(max(1, len(chosen))) as pool:
            list(pool.map(lambda family: self._guarded(family, step), chosen))

    def _guarded(self, family: Family, step: Callable[[Family], None]) -> None:
        with self._guard(family):
            step(family)

    @contextlib.contextmanager
    def _guard(self, family: Family) -> Iterator[None]:
        """A family that fails is left out from then on."""
        try:
            yield
        except Exception as error:
            self.failed[family.name] = repr(error)
            self.recorder.event("failed", family.name, repr(error))
            traceback.print_exc()


def _ask(family: Family, request: Request, answers: list[Answer]) -> None:
    answer = family.ask_any(request)
    if answer is not None:
        answers.append(answer)


STORY = (
    # The first night: fresh workers, no request yet.
    *("settle", "fresh", "push", "night"),
    # The second: all have served.
    *("morning", "dusk", "push", "rest"),
    # At work while what they do not need is out.
    "load_while_out",
    # A few requests, after another push-out.
    *("dusk", "push", "rare"),
    # The third night; health checks do not end it.
    *("whole_morning", "dusk", "push", "health"),
    # Thrashing, without and with requests.
    *("thrash", "thrash_and_serve"),
    # The fourth night, and what waking costs.
    *("morning", "dusk", "push", "rest", "wake_one_by_one"),
    *("dusk", "push", "rest", "wake_all", "settle"),
)
PHASES = frozenset(STORY)
"""Methods of :class:`Story`."""
