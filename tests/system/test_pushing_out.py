"""The ground that the other tests here stand on: real servers, really pushed out, and nothing left behind."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system import independent
from tests.system.cgroup import MemoryCgroup
from tests.system.conftest import Start
from tests.system.load import Load
from tests.system.pageout import page_out
from tests.system.servers.apache import Apache
from tests.system.servers.gunicorn import Gunicorn
from tests.system.servers.php_fpm import PhpFpm
from tests.system.servers.prometheus import Prometheus
from tests.system.servers.server import Server
from tests.system.servers.uvicorn import Uvicorn
from tests.system.waiting import wait_until

MIB = 1 << 20
SERVERS = [
    pytest.param(lambda: Gunicorn(workers=3), id="gunicorn-sync"),
    pytest.param(lambda: Gunicorn(workers=3, worker_class="gthread"), id="gunicorn-gthread"),
    pytest.param(lambda: Gunicorn(workers=3, worker_class="uvicorn"), id="gunicorn-uvicorn"),
    pytest.param(lambda: Uvicorn(workers=3), id="uvicorn"),
    pytest.param(lambda: PhpFpm({"shop": 3}), id="php-fpm"),
    pytest.param(lambda: Apache(workers=3), id="httpd-prefork"),
]


def test_reclaim_of_a_cgroup_pushes_out_private_and_shared_pages(cgroup: MemoryCgroup, start: Start) -> None:
    server = start(Gunicorn(workers=2, preload=True, shared_megabytes=40, private_megabytes=10), cgroup)
    assert set(server.pids()) == set(cgroup.pids())

    cgroup.push_out()

    for worker in server.workers():
        assert independent.memory(worker).swap > 45 * MIB
    assert (
        55 * MIB < independent.proportional_swap(*server.pids()) < independent.swap(*server.pids()) - 40 * MIB
    )


def test_page_out_leaves_what_a_fork_shares(swap: None, start: Start) -> None:
    server = start(Gunicorn(workers=2, preload=True, shared_megabytes=40, private_megabytes=10))
    one, other = server.workers()

    page_out(one)

    assert 10 * MIB <= independent.memory(one).swap < 30 * MIB
    assert independent.memory(other).swap == 0


def test_reading_the_heap_brings_a_worker_back(cgroup: MemoryCgroup, start: Start) -> None:
    server = start(Gunicorn(workers=1, private_megabytes=30), cgroup)
    cgroup.push_out()
    (worker,) = server.workers()
    before = independent.swap(worker)

    server.request("/heap")

    assert independent.swap(worker) < before - 29 * MIB


def test_a_limited_cgroup_keeps_its_processes_out(cgroup: MemoryCgroup, start: Start) -> None:
    server = start(Gunicorn(workers=1, private_megabytes=60), cgroup)
    cgroup.limit(40 * MIB)

    server.request("/heap")

    assert cgroup.usage() <= 40 * MIB
    assert independent.swap(*server.pids()) > 30 * MIB


@pytest.mark.parametrize("make", SERVERS)
def test_every_worker_of_every_server_is_reached(make: Callable[[], Server], start: Start) -> None:
    server = start(make())
    workers = set(server.workers())
    assert len(workers) == 3

    with Load(lambda: server.request("/cpu?ms=3"), per_second=5, at_once=6) as load:
        wait_until("each worker has served", lambda: set(load.served) >= workers)

    assert not load.failures
    assert set(load.served) == workers


def test_each_pool_of_php_fpm_answers_for_itself(start: Start) -> None:
    server = start(PhpFpm({"blog": 2, "shop": 3}))

    for pool, count in server.pools.items():
        assert len(server.workers(pool)) == count
        assert int(server.request("/", pool)) in server.workers(pool)


def test_prometheus_answers_queries(start: Start) -> None:
    server = start(Prometheus())

    assert server.query("vector(1)")[0][1] == 1


def test_a_stopped_server_leaves_no_process_and_no_file(start: Start) -> None:
    server = start(Gunicorn(workers=2))
    pids = server.pids()
    os.kill(server.pid, 9)  # its workers are orphans now

    server.stop()

    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert not server.directory.exists()
