"""Who is master, worker or auxiliary in one sample: tables of processes that fool simpler rules."""

import pytest

from swap_exporter.grouping.roles import Reason
from swap_exporter.sampling.sample import Process
from tests.grouping.table import configured, ended, groups, members_of, over, process, roles

GUNICORN = "/srv/bin/python3 /srv/bin/gunicorn app:app"
UVICORN = "/srv/bin/python3 /srv/bin/uvicorn --workers 2 app:asgi"
SPAWNED = ["/srv/bin/python3", "-c", "from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=7)"]
TRACKER = ["/srv/bin/python3", "-c", "from multiprocessing.resource_tracker import main;main(6)"]
UWSGI = "/usr/bin/uwsgi --master -p 3"
HTTPD = "/usr/sbin/apache2 -k start"
CELERY_BEAT = "/srv/bin/python3 /srv/bin/celery -A tasks worker -B"
HUEY = "/srv/bin/python3 /srv/bin/huey_consumer -w 2 -k process shop.queue"
FFMPEG = "ffmpeg -i in.mp4 out.webm"

M, W, A = "master", "worker", "auxiliary"


def child(of: Process, pid: int, **changes: object) -> Process:
    """Forked by it, without exec."""
    return of._replace(pid=pid, start_ticks=pid, parent_pid=of.pid, **changes)


gunicorn = process(10, 1, GUNICORN, comm="gunicorn", layout=1)
worker = child(gunicorn, 11)
uvicorn = process(10, 1, UVICORN, comm="uvicorn", layout=1)
httpd = process(10, 1, HTTPD, comm="apache2", layout=1)
postgres = process(10, 1, "/usr/lib/postgresql/15/bin/postgres -D /srv", layout=1)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        pytest.param([gunicorn], {10: W}, id="the only process of a group"),
        pytest.param([gunicorn, worker], {10: M, 11: W}, id="who forked the other is the master"),
        pytest.param(
            [gunicorn, worker, child(worker, 12), child(worker, 13)],
            {10: M, 11: W, 12: A, 13: A},
            id="multiprocessing in a worker",
        ),
        pytest.param(
            [one._replace(layout=None) for one in (gunicorn, worker, child(worker, 12))],
            {10: M, 11: M, 12: W},
            id="multiprocessing in a worker, where the kernel hides layouts",
        ),
        pytest.param(
            [gunicorn, worker, process(12, 11, FFMPEG, comm="ffmpeg", layout=2)],
            {10: M, 11: W, 12: A},
            id="a worker's ffmpeg",
        ),
        pytest.param(
            [one._replace(layout=None) for one in (gunicorn, worker, process(12, 11, FFMPEG, comm="ffmpeg"))],
            {10: M, 11: W, 12: A},
            id="a worker's ffmpeg, where the kernel hides layouts",
        ),
        pytest.param(
            [
                process(10, 1, "redis-server *:6379", layout=1),
                process(11, 10, "redis-rdb-bgsave *:6379", layout=1),
            ],
            {10: W, 11: A},
            id="redis writes a snapshot",
        ),
        pytest.param(
            [gunicorn, worker, process(12, 11, "sh -c x", layout=2), process(13, 12, "sh -c x", layout=2)],
            {10: M, 11: W, 12: A, 13: A},
            id="a worker's shell that forks: an auxiliary is no master",
        ),
        pytest.param(
            [gunicorn, worker, child(worker, 12, argv=("report writer",), comm="report writer")],
            {10: M, 11: W, 12: A},
            id="a worker's child that gave itself a title",
        ),
        pytest.param(
            [gunicorn, child(gunicorn, 11, argv=("shop: serving",), comm="shop")],
            {10: M, 11: W},
            id="a worker that the application gave a title",
        ),
        pytest.param(
            [
                gunicorn,
                worker,
                gunicorn._replace(pid=20, start_ticks=20, parent_pid=10, layout=(2, 2, 2)),
                gunicorn._replace(pid=21, start_ticks=21, parent_pid=20, layout=(2, 2, 2)),
            ],
            {10: M, 11: W, 20: M, 21: W},
            id="hot upgrade: the new master has exec'd",
        ),
        pytest.param(
            [
                process(10, 1, ["gunicorn: master [shop]"]),
                process(11, 10, ["gunicorn: worker [shop]"]),
                process(20, 10, ["gunicorn: master [shop.2]"]),
                process(21, 20, ["gunicorn: worker [shop.2]"]),
            ],
            {10: M, 11: W, 20: M, 21: W},
            id="hot upgrade, titled",
        ),
        pytest.param(
            [
                process(10, 1, ["unicorn master (old) -c x"]),
                process(11, 10, ["unicorn worker[0] -c x"]),
                process(20, 10, ["unicorn master -c x"]),
                process(21, 20, ["unicorn worker[0] -c x"]),
            ],
            {10: M, 11: W, 20: M, 21: W},
            id="hot upgrade of unicorn",
        ),
        pytest.param(
            [uvicorn, process(11, 10, TRACKER, layout=2), process(12, 10, SPAWNED, layout=3)],
            {10: M, 11: A, 12: W},
            id="spawned workers and their resource tracker",
        ),
        pytest.param(
            [uvicorn, process(11, 10, TRACKER, layout=2)],
            {10: W, 11: A},
            id="a resource tracker makes no master",
        ),
        pytest.param(
            [process(10, 1, "uwsgi -p 2 --http :80"), process(11, 10, "uwsgi -p 2 --http :80")],
            {10: W, 11: W},
            id="uwsgi without master",
        ),
        pytest.param(
            [process(10, 1, "uwsgi -Mp 2 --http :80"), process(11, 10, "uwsgi -Mp 2 --http :80")],
            {10: M, 11: W},
            id="uwsgi with master, short option",
        ),
        pytest.param(
            [
                process(10, 1, "/usr/bin/uwsgi --emperor /srv/vassals", layout=1),
                process(11, 10, "/usr/bin/uwsgi-core --ini green.ini", layout=2),
                process(12, 11, "/usr/bin/uwsgi-core --ini green.ini", layout=2),
                process(13, 10, "/usr/bin/uwsgi-core --ini blue.ini", layout=3),
                process(14, 13, "/usr/bin/uwsgi-core --ini blue.ini", layout=3),
            ],
            {10: M, 11: M, 12: W, 13: M, 14: W},
            id="uwsgi's emperor and vassals",
        ),
        pytest.param(
            [httpd, child(httpd, 11), child(httpd, 12, threads=7), child(httpd, 13, threads=7)],
            {10: M, 11: A, 12: W, 13: W},
            id="httpd event: cgid",
        ),
        pytest.param(
            [httpd, child(httpd, 11), child(httpd, 12), child(httpd, 13)],
            {10: M, 11: W, 12: W, 13: W},
            id="httpd prefork",
        ),
        pytest.param(
            [httpd, child(httpd, 11, threads=8), child(httpd, 12), child(httpd, 13)],
            {10: M, 11: W, 12: W, 13: W},
            id="httpd prefork with a wsgi daemon",
        ),
        pytest.param(
            [httpd, child(httpd, 11, threads=8), child(httpd, 12)],
            {10: M, 11: W, 12: W},
            id="httpd prefork with a wsgi daemon and one child",
        ),
        pytest.param([httpd, child(httpd, 11)], {10: M, 11: W}, id="httpd with one child"),
        pytest.param(
            [httpd, process(11, 10, "/usr/bin/rotatelogs log", comm="rotatelogs", layout=2)],
            {10: W, 11: A},
            id="httpd's piped log",
        ),
        pytest.param(
            [postgres, process(11, 10, ["postgres: checkpointer "], layout=1)],
            {10: M, 11: A},
            id="postgres with nobody connected",
        ),
        pytest.param(
            [
                process(10, 1, "/srv/bin/python3 /srv/bin/rq worker high", layout=1),
                process(11, 10, "/srv/bin/python3 /srv/bin/rq worker high", layout=1),
            ],
            {10: W, 11: A},
            id="rq's work-horse makes its worker no master",
        ),
        pytest.param(
            [
                process(10, 1, ["rq:worker:b801: Forked 11 at 1795545431"], layout=1),
                process(11, 10, ["rq:worker:b801: Processing jobs.send from high"], layout=1),
                process(12, 11, ["rq:worker:b801: Processing jobs.send from high"], layout=1),
                process(13, 10, "/srv/bin/python3 /srv/bin/rq worker high", layout=1),
            ],
            {10: W, 11: A, 12: A, 13: A},
            id="rq's work-horse with the title of a worker, what it forked, and the worker's scheduler",
        ),
        pytest.param(
            [
                process(10, 1, "/srv/bin/python3 /srv/bin/rq worker-pool high -n 2", layout=1),
                process(11, 10, "/srv/bin/python3 /srv/bin/rq worker-pool high -n 2", layout=1),
                process(12, 11, "/srv/bin/python3 /srv/bin/rq worker-pool high -n 2", layout=1),
            ],
            {10: M, 11: W, 12: A},
            id="rq's untitled pool with a work-horse",
        ),
        pytest.param(
            [
                process(10, 1, CELERY_BEAT, layout=1, signals=0x4207),
                process(11, 10, CELERY_BEAT, layout=1, signals=0x4205),
                process(12, 10, CELERY_BEAT, layout=1, signals=0x4207),
            ],
            {10: M, 11: W, 12: A},
            id="celery's embedded beat, untitled",
        ),
        pytest.param(
            [
                process(10, 1, CELERY_BEAT, layout=1, signals=0x4207),
                process(11, 10, CELERY_BEAT, layout=1, signals=0x4207),
                process(12, 10, CELERY_BEAT, layout=1, signals=0x4207),
            ],
            {10: M, 11: W, 12: W},
            id="celery's pool where all handle SIGINT: no mark",
        ),
        pytest.param(
            [
                process(10, 1, ["[celeryd: a@h:MainProcess] -active- (worker -B)"], layout=1),
                process(11, 10, ["[celeryd: a@h:ForkPoolWorker-1]"], layout=1),
                process(12, 10, ["[celery beat]"], layout=1),
            ],
            {10: M, 11: W, 12: A},
            id="celery's embedded beat, titled",
        ),
        pytest.param(
            [
                process(10, 1, UWSGI + " --http :80", layout=1, signals=0x84687),
                process(11, 10, UWSGI + " --http :80", layout=1, signals=0x8085E83),
                process(12, 10, UWSGI + " --http :80", layout=1, signals=0x4487),
                process(13, 10, UWSGI + " --http :80", layout=1, signals=0x4486),
                process(14, 13, FFMPEG, comm="ffmpeg", layout=2, signals=0x4000),
            ],
            {10: M, 11: W, 12: A, 13: A, 14: A},
            id="uwsgi's router and mule",
        ),
        pytest.param(
            [
                process(10, 1, "uwsgi -p 2 --http :80", layout=1, signals=0x5E83),
                process(11, 10, "uwsgi -p 2 --http :80", layout=1, signals=0x4482),
                process(12, 10, "uwsgi -p 2 --http :80", layout=1, signals=0x8085E83),
            ],
            {10: W, 11: A, 12: W},
            id="uwsgi's router without a master",
        ),
        pytest.param(
            [
                process(10, 1, UWSGI + " --lazy-apps", layout=1, signals=0x84687),
                process(11, 10, UWSGI + " --lazy-apps", layout=1, signals=0x84687),
                process(12, 10, UWSGI + " --lazy-apps", layout=1, signals=0x84687),
            ],
            {10: M, 11: W, 12: W},
            id="uwsgi's workers before they set their signals",
        ),
        pytest.param(
            [
                process(10, 1, HUEY, layout=1),
                process(11, 10, HUEY, layout=1),
                process(12, 10, HUEY, layout=1),
            ],
            {10: M, 11: A, 12: W},
            id="huey's scheduler is forked first",
        ),
        pytest.param([process(10, 1, HUEY), process(11, 10, HUEY)], {10: M, 11: W}, id="huey's only child"),
        pytest.param(
            [
                process(10, 1, "/srv/bin/python3 /srv/bin/sanic shop:app", layout=1, signals=0x8004002),
                process(11, 10, TRACKER, layout=2),
                process(12, 10, SPAWNED, layout=3, threads=5, signals=0x8000000),
                process(13, 10, SPAWNED, layout=4, signals=0x8004002),
            ],
            {10: M, 11: A, 12: A, 13: W},
            id="sanic's manager",
        ),
        pytest.param(
            [
                process(10, 1, "/srv/bin/python3 /srv/bin/rq worker-pool high", layout=1),
                process(11, 10, ["rq:worker:b801: Listening on high"], layout=1),
                process(12, 11, "/srv/bin/python3 /srv/bin/rq worker-pool high", layout=1),
            ],
            {10: M, 11: W, 12: A},
            id="rq's pool, and the scheduler of one of its workers",
        ),
        pytest.param(
            [process(20, 1, GUNICORN, layout=1), process(21, 1, GUNICORN, layout=1)],
            {20: W, 21: W},
            id="first seen as orphans",
        ),
        pytest.param(
            [process(1, 0, GUNICORN, layout=1), process(7, 1, GUNICORN, layout=1)],
            {1: M, 7: W},
            id="a master that is pid 1 of a namespace",
        ),
        pytest.param(
            [gunicorn, ended(worker)],
            {10: W, 11: A},
            id="one that has ended makes nobody a master",
        ),
        pytest.param(
            [process(10, 1, "celery -A tasks worker -P threads")], {10: W}, id="celery without children"
        ),
        pytest.param(
            [process(10, 1, ["[celeryd: a@h:MainProcess] -active- (worker -P solo)"])],
            {10: W},
            id="celery without children, titled",
        ),
        pytest.param(
            [process(10, 1, ["puma 5.6.5 (tcp://0.0.0.0:80) [shop]"])], {10: W}, id="puma without workers"
        ),
        pytest.param(
            [
                process(10, 1, ["puma 5.6.5 (tcp://0.0.0.0:80) [shop]"]),
                process(11, 10, ["puma: cluster worker 0: 10 [shop]"]),
            ],
            {10: M, 11: W},
            id="puma's cluster",
        ),
        pytest.param(
            [
                process(10, 1, "ruby /usr/bin/passenger start", layout=1),
                process(11, 10, "sh -c PassengerAgent", layout=2),
                process(12, 11, ["Passenger watchdog"], layout=3),
                process(13, 12, ["Passenger core"], layout=4),
                process(14, 1, ["Passenger RubyApp: /srv/pass (production)"], layout=5),
            ],
            {10: M, 11: A, 12: A, 13: A, 14: W},
            id="Passenger, whose applications are orphans",
        ),
        pytest.param(
            [
                process(10, 1, "node /srv/cluster.js", layout=1),
                process(11, 10, "node /srv/cluster.js", layout=2),
            ],
            {10: M, 11: W},
            id="node's cluster, spawned",
        ),
        pytest.param(
            [
                process(10, 1, ["PM2 v7.0.4: God Daemon (/root/.pm2)"], layout=1),
                process(11, 10, ["node /srv/app.js"], layout=2),
            ],
            {10: M, 11: W},
            id="pm2",
        ),
    ],
)
def test_roles(table: list[Process], expected: dict[int, str]) -> None:
    assert roles(over(table)) == expected


def test_a_pattern_for_auxiliaries_goes_before_the_others() -> None:
    configuration = configured(
        "process_names: [{name: g, cmdline: ['^x'], roles: {master: boss, worker: '^x', auxiliary: aid}}]"
    )
    table = [process(10, 1, "x boss aid"), process(11, 1, "x boss"), process(12, 1, "x")]
    assert roles(over(table, configuration=configuration)) == {10: A, 11: M, 12: W}


def test_patterns_apply_to_those_that_joined() -> None:
    configuration = configured("process_names: [{name: g, cmdline: ['^x'], roles: {worker: '^y'}}]")
    table = [process(10, 1, "x", layout=1), process(11, 10, "y", layout=2)]
    assert roles(over(table, configuration=configuration)) == {10: M, 11: W}


def test_a_worker_of_one_group_makes_no_master_in_another() -> None:
    table = [process(10, 1, "/usr/bin/node /srv/boss.js"), process(11, 10, "/usr/bin/node /srv/hand.js")]
    grouping = over(table)
    assert groups(grouping) == {10: "node:boss.js", 11: "node:hand.js"}
    assert roles(grouping) == {10: W, 11: W}


def test_reasons_are_told() -> None:
    table = [gunicorn, worker, child(worker, 12), process(13, 11, FFMPEG, comm="ffmpeg", layout=2)]
    assert [member.reason for member in members_of(over(table))] == [
        Reason.FORKS,
        Reason.FORKED,
        Reason.INNER,
        Reason.OTHER_PROGRAM,
    ]
