"""The servers that the exporter is for, side by side: who they are, when they idle, lie in swap and work.

One run goes through the phases for all of them, since each takes as long as an idle worker must be watched.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import NamedTuple

import psutil
import pytest

from tests.require import require
from tests.system import independent
from tests.system.cgroup import memory_cgroup
from tests.system.conftest import Start
from tests.system.exporter import NOBODY, Exporter, Scrape, hurried_catalogue
from tests.system.load import Load
from tests.system.servers.apache import Apache
from tests.system.servers.gunicorn import Gunicorn
from tests.system.servers.php_fpm import PhpFpm
from tests.system.servers.server import Server
from tests.system.servers.uvicorn import Uvicorn
from tests.system.waiting import wait_until

MIB = 1 << 20

GROUPS = {
    # group: master, workers, auxiliary
    "gunicorn:sync": (1, 1, 0),
    "gunicorn:gthread": (1, 1, 0),
    "gunicorn:asgi": (1, 1, 0),
    "uvicorn:application:asgi": (1, 2, 1),
    "php-fpm": (1, 0, 0),
    "php-fpm:blog": (0, 2, 0),
    "php-fpm:shop": (0, 3, 0),
    "httpd:apache": (1, 3, 0),
}
SERVING = [group for group, (_, workers, _) in GROUPS.items() if workers]


class Phases(NamedTuple):
    """The scrapes at the end of each phase."""

    idle: Scrape
    swapped: Scrape
    swapped_swap: dict[str, tuple[int, int]]
    """VmSwap of the workers of each group, read before and after that scrape."""
    unprivileged: Scrape
    """By an exporter without privileges."""
    working: Scrape
    working_swap: dict[str, int]
    """VmSwap of the workers of each group after that scrape."""


@pytest.fixture(scope="module")
def phases(swap: None) -> Iterator[Phases]:
    for foreign in ("apache2", "httpd", "php-fpm"):
        running = [p.pid for p in psutil.process_iter(["name"]) if (p.info["name"] or "").startswith(foreign)]
        require(not running, f"{foreign} runs here already, as {running}: its processes would be counted too")
    with ExitStack() as stack:
        yield _go_through(stack)


def _go_through(stack: ExitStack) -> Phases:
    start = Start(stack)
    cgroup = stack.enter_context(memory_cgroup())
    sync = start(Gunicorn(workers=1, name="sync"), cgroup)
    gthread = start(Gunicorn(workers=1, name="gthread", worker_class="gthread"), cgroup)
    asgi = start(Gunicorn(workers=1, name="asgi", worker_class="uvicorn"), cgroup)
    uvicorn = start(Uvicorn(workers=2), cgroup)
    php = start(PhpFpm({"blog": 2, "shop": 3}), cgroup)
    httpd = start(Apache(workers=3, private_megabytes=10), cgroup)
    _fill(httpd)
    # The catalogue's shares of a core over 20 s instead of 60 s or 5 minutes.
    configuration = hurried_catalogue(after=25, window=20)
    exporter, nobodys = start(Exporter(configuration)), start(Exporter(configuration, through=NOBODY))
    workers: dict[str, Callable[[], list[int]]] = {
        "gunicorn:sync": sync.workers,
        "gunicorn:gthread": gthread.workers,
        "gunicorn:asgi": asgi.workers,
        "uvicorn:application:asgi": uvicorn.workers,
        "php-fpm:blog": lambda: php.workers("blog"),
        "php-fpm:shop": lambda: php.workers("shop"),
        "httpd:apache": httpd.workers,
    }

    def swap() -> dict[str, int]:
        return {group: independent.swap(*pids()) for group, pids in workers.items()}

    idle = _when_all(exporter, lambda scrape, group: _workers(scrape, group, activity="idle"))
    _when_all(nobodys, lambda scrape, group: _workers(scrape, group, activity="idle"))

    cgroup.push_out()
    _when_all(nobodys, _idle_swapped)
    _when_all(exporter, _idle_swapped)
    swapped, swapped_swap = _bracketed(exporter, swap)
    unprivileged = nobodys.scrape()

    with ExitStack() as loads:
        # On average one request a second for each worker.
        for server, pool, count in (
            (sync, None, 1),
            (gthread, None, 1),
            (asgi, None, 1),
            (uvicorn, None, 2),
            (php, "blog", 2),
            (php, "shop", 3),
            (httpd, None, 3),
        ):
            loads.enter_context(Load(_request(server, pool), per_second=1, at_once=count))
        working = _when_all(exporter, lambda scrape, group: _workers(scrape, group, activity="busy"))
        working_swap = swap()
    return Phases(idle, swapped, swapped_swap, unprivileged, working, working_swap)


def _bracketed(
    exporter: Exporter, swap: Callable[[], dict[str, int]]
) -> tuple[Scrape, dict[str, tuple[int, int]]]:
    """A scrape, and VmSwap as read before and after it: workers that wake bring pages back at any time."""
    before, scrape, after = swap(), exporter.scrape(), swap()

    def agree() -> bool:
        nonlocal before, scrape, after
        before, scrape, after = after, exporter.scrape(), swap()
        return all(before[group] >= _worker_swap(scrape, group) >= after[group] for group in after)

    with suppress(AssertionError):
        wait_until("the scrape lies between the readings", agree, every=0.5)
    return scrape, {group: (before[group], after[group]) for group in after}


def _worker_swap(scrape: Scrape, group: str) -> float:
    return scrape.value("swap_group_swap_bytes", group=group, role="worker")


def _fill(httpd: Apache) -> None:
    with Load(lambda: httpd.request("/heap"), per_second=5, at_once=2 * httpd.count):
        wait_until(
            "each worker of httpd has its heap",
            lambda: all(independent.resident(pid) > 10 * MIB for pid in httpd.workers()),
        )


def _request(server: Server, pool: str | None) -> Callable[[], bytes]:
    if isinstance(server, PhpFpm):
        return lambda: server.request("/cpu?ms=5", pool)
    return lambda: server.request("/cpu?ms=5")


def _workers(scrape: Scrape, group: str, **labels: str) -> float:
    return sum(sample.value for sample in scrape.matching("swap_group_workers", group=group, **labels))


def _idle_swapped(scrape: Scrape, group: str) -> float | None:
    return scrape.get("swap_group_idle_swapped_workers", group=group)


def _when_all(exporter: Exporter, count: Callable[[Scrape, str], float | None]) -> Scrape:
    """The scrape in which ``count`` gives all workers of every group; the last one where none comes.

    Which group was missing is for the tests to say.
    """
    last = exporter.scrape()

    def all_counted() -> bool:
        nonlocal last
        last = exporter.scrape()
        return all(count(last, group) == GROUPS[group][1] for group in SERVING)

    try:
        wait_until("all workers are so", all_counted, deadline=120, every=0.5)
    except AssertionError:
        print("not all workers were counted:", last.text, sep="\n")
    return last


@pytest.mark.parametrize("group", GROUPS)
def test_groups_roles_and_counts_are_right(phases: Phases, group: str) -> None:
    for scrape in (phases.idle, phases.swapped, phases.unprivileged, phases.working):
        roles = ("master", "worker", "auxiliary")
        assert (
            tuple(scrape.value("swap_group_processes", group=group, role=role) for role in roles)
            == (GROUPS[group])
        )


@pytest.mark.parametrize("group", SERVING)
def test_workers_without_requests_are_idle_however_often_they_wake(phases: Phases, group: str) -> None:
    assert _workers(phases.idle, group, activity="idle", residency="resident") == GROUPS[group][1]
    assert _idle_swapped(phases.idle, group) == 0


@pytest.mark.parametrize("group", SERVING)
def test_idle_workers_that_were_pushed_out_are_told(phases: Phases, group: str) -> None:
    assert _idle_swapped(phases.swapped, group) == GROUPS[group][1]
    before, after = phases.swapped_swap[group]
    swap = _worker_swap(phases.swapped, group)
    assert before >= swap >= after
    assert phases.swapped.value("swap_group_idle_swapped_bytes", group=group) == swap > GROUPS[group][1] * MIB
    assert phases.swapped.value("swap_group_displaced_bytes", group=group) == swap
    assert 0 < phases.swapped.value("swap_group_stranded_bytes", group=group) <= swap


@pytest.mark.parametrize("group", SERVING)
def test_an_exporter_without_privileges_tells_the_same(phases: Phases, group: str) -> None:
    assert _idle_swapped(phases.unprivileged, group) == GROUPS[group][1]


@pytest.mark.parametrize("group", SERVING)
def test_workers_that_serve_a_small_request_a_second_are_busy(phases: Phases, group: str) -> None:
    assert _workers(phases.working, group, activity="busy", residency="resident") == GROUPS[group][1]
    assert _idle_swapped(phases.working, group) == 0
    # They serve without most of what was pushed out.
    assert phases.working_swap[group] > 0
