"""The built-in entries on real command lines, and on some that only look like them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from swap_exporter.history.work import LEARNED, Level, Step, Work, judge
from swap_exporter.sampling.sample import Process
from swap_exporter.settings import Idle
from tests.grouping.table import CATALOG, configured, groups, members_of, over, process, roles

SERVERS = json.loads(Path(__file__).with_name("prefork_samples.json").read_text())["servers"]

GROUPS = {
    "redis": {"redis:21999"},
    "g27-sync": {"gunicorn:app:app"},
    "g27p-sync": {"gunicorn:shopapi"},
    "php-fpm": {"php-fpm", "php-fpm:lazy", "php-fpm:blog", "php-fpm:shop"},
    "apache-prefork": {"httpd:apache-prefork", "mod_wsgi:shopd"},
    "apache-event": {"httpd:apache-event"},
    "nginx": {"nginx:srv"},
    "uwsgi": {"uwsgi:app"},
    "uwsgi-autoproc": {"uwsgi:shop"},
    "postgres": {"postgres:main15"},
    "g27-sync-noctl": {"gunicorn:app:app"},
    "g27-sync-preload": {"gunicorn:app:app"},
    "g27-gthread": {"gunicorn:app:app"},
    "g27-gevent": {"gunicorn:app:app"},
    "g27-asgi": {"gunicorn:app:asgi"},
    "g27-uvicornworker": {"gunicorn:app:asgi"},
    "g27p-sync-noname": {"gunicorn:app:app"},
    "g27p-gthread-preload": {"gunicorn:shopapi2"},
    "g27p-gevent": {"gunicorn:app:app"},
    "g27p-dirty": {"gunicorn:dirtyapp"},
    "debg20-sync": {"gunicorn:app:app"},
    "uvicorn-workers": {"uvicorn:app:asgi"},
    "granian": {"granian:app:app"},
    "haproxy": {"haproxy:srv"},
    "memcached": {"memcached:20603"},
    "uwsgi-cheaper": {"uwsgi:app"},
    "celery": {"celery:mail"},
    "celery-title": {"celery:img"},
    "sidekiq": {"sidekiq:mailer"},
    "dramatiq": {"dramatiq:actors"},
    "huey": {"huey:hueyapp.queue"},
    "huey-threads": {"huey:hueyapp.threads"},
    "fastapi": {"fastapi:api"},
    "sanic": {"sanic:web:app"},
    "daphne": {"daphne:shop:asgi"},
    "waitress": {"waitress:shop:app"},
    "arq": {"arq:arqapp.Worker"},
    "hypnotoad": {"hypnotoad:hyp"},
    "granian-titled": {"granian:shop:asgi"},
    "uwsgi-http-mule": {"uwsgi:app"},
    "uwsgi-nomaster-http": {"uwsgi:app"},
    "celery-beat": {"celery:mail"},
    "celery-beat-titled": {"celery:img"},
    "rq": {"rq"},
    "rq-titled": {"rq"},
    "rq-pool": {"rq"},
}


def captured(server: str) -> list[Process]:
    return [
        process(
            seen["pid"],
            seen["ppid"],
            seen["cmdline_raw"].split("\0"),
            comm=seen["comm"],
            threads=seen["threads"],
            state=seen["state"],
            uid=int(seen["uid"]),
            signals=seen.get("caught_signals", 0),
        )
        for seen in SERVERS[server]
    ]


def test_every_captured_server_has_an_expected_name() -> None:
    assert SERVERS.keys() == GROUPS.keys()


@pytest.mark.parametrize("server", SERVERS)
def test_roles_are_those_told_by_hand(server: str) -> None:
    grouping = over(captured(server))
    assert roles(grouping) == {seen["pid"]: seen["role"] for seen in SERVERS[server]}
    assert grouping.ungrouped == ()


@pytest.mark.parametrize("server", SERVERS)
def test_group_names_of_captured_servers(server: str) -> None:
    assert set(groups(over(captured(server))).values()) == GROUPS[server]


def test_all_captured_servers_on_one_machine_do_not_disturb_each_other() -> None:
    everything = [one for server in SERVERS for one in captured(server)]
    assert roles(over(everything)) == {
        seen["pid"]: seen["role"] for family in SERVERS.values() for seen in family
    }


PYTHON = "/srv/venv/bin/python3 /srv/venv/bin/"


@pytest.mark.parametrize(
    ("title", "group"),
    [
        (PYTHON + "gunicorn app:app -w 3", "gunicorn:app:app"),
        (PYTHON + "gunicorn --preload app:app", "gunicorn:app:app"),
        (PYTHON + "gunicorn -D -w4 shop.wsgi:application", "gunicorn:shop.wsgi:application"),
        (PYTHON + "gunicorn shop.wsgi", "gunicorn:shop.wsgi"),
        (PYTHON + "gunicorn app:create()", "gunicorn:app:create()"),
        (PYTHON + "gunicorn --access-logfile - app:app", "gunicorn:app:app"),
        (PYTHON + "gunicorn -n shop app:app", "gunicorn:shop"),
        (PYTHON + "gunicorn app:app --name=shop", "gunicorn:shop"),
        (PYTHON + "gunicorn app:app --name shop -w 2", "gunicorn:shop"),
        (PYTHON + "gunicorn -b localhost:8000", "gunicorn"),
        (PYTHON + "gunicorn --preload -b localhost:8000", "gunicorn"),
        (PYTHON + "gunicorn --bind localhost:8000 app:app", "gunicorn:app:app"),
        (PYTHON + "gunicorn --config python:shop.conf", "gunicorn"),
        (PYTHON + "gunicorn -k shop.workers.Fast -c conf.py", "gunicorn"),
        (PYTHON + "gunicorn -kshop.workers.Fast", "gunicorn"),
        (PYTHON + "gunicorn --statsd-host localhost:8125", "gunicorn"),
        ("/usr/bin/python3 -m gunicorn app:app", "gunicorn:app:app"),
        ("python3.11 -u -X dev /usr/bin/gunicorn app:app", "gunicorn:app:app"),
        ("gunicorn: master [shop]", "gunicorn:shop"),
        ("gunicorn: master [shop.2]", "gunicorn:shop"),
        ("gunicorn: worker [shop.wsgi:app.12]", "gunicorn:shop.wsgi:app"),
        (PYTHON + "uvicorn app:asgi --port 8000", "uvicorn:app:asgi"),
        (PYTHON + "uvicorn --reload --host localhost app:asgi", "uvicorn:app:asgi"),
        (PYTHON + "uvicorn --fd 3 --log-config x.json", "uvicorn"),
        (PYTHON + "hypercorn -w 3 -b localhost:80 app:asgi", "hypercorn:app:asgi"),
        (PYTHON + "fastapi run --workers 2 --port 8000 src/main.py", "fastapi:main"),
        (PYTHON + "fastapi run --proxy-headers app", "fastapi:app"),
        (PYTHON + "fastapi dev", "fastapi"),
        (PYTHON + "fastapi run --port 8000", "fastapi"),
        (PYTHON + "fastapi run --workers 2 -e shop.main:app", "fastapi:shop.main:app"),
        (PYTHON + "sanic shop.server:app --workers 2", "sanic:shop.server:app"),
        (PYTHON + "sanic --fast --host=localhost shop.server", "sanic:shop.server"),
        (PYTHON + "sanic ./shop --simple", "sanic"),
        (
            PYTHON + "daphne -b localhost -p 8000 --proxy-headers shop.asgi:application",
            "daphne:shop.asgi:application",
        ),
        (PYTHON + "daphne --fd 3", "daphne"),
        (PYTHON + "waitress-serve --call --listen=*:8080 shop:create", "waitress:shop:create"),
        ("python3 -m waitress --port 8080 shop:app", "waitress:shop:app"),
        (PYTHON + "waitress-serve --help", "waitress"),
        (PYTHON + "dramatiq -p 2 --skip-logging shop.jobs other", "dramatiq:shop.jobs"),
        (PYTHON + "dramatiq shop.broker:broker shop.jobs -Q a b", "dramatiq:shop.broker:broker"),
        (PYTHON + "huey_consumer.py shop.queue -w 4", "huey:shop.queue"),
        (PYTHON + "huey_consumer -k process -n -w 4 shop.queue", "huey:shop.queue"),
        (PYTHON + "arq --verbose shop.worker.Settings", "arq:shop.worker.Settings"),
        ("/srv/shop/script/shop_web", "hypnotoad:shop_web"),
        ("/srv/shop/web.pl", "hypnotoad:web"),
        ("/usr/bin/perl /usr/bin/hypnotoad -f web.pl", "hypnotoad"),
        (PYTHON + "granian --interface asgi --no-ws app:asgi", "granian:app:asgi"),
        ("granian worker-1", "granian"),
        ("granian wsgi 127.0.0.1:8000 shop:app", "granian:shop:app"),
        ("granian asgi unix:/run/shop.sock shop.main:app worker-12", "granian:shop.main:app"),
        ("shop worker-1", "granian:shop"),
        (PYTHON + "celery -A tasks worker -c 3", "celery:tasks"),
        (PYTHON + "celery --app=tasks worker --hostname=img@%h", "celery:img"),
        (PYTHON + "celery worker -c 3", "celery"),
        (PYTHON + "celery -A tasks worker -P solo", "celery"),
        ("[celeryd: celery@vm:MainProcess] -active- (-A tasks worker --pool=threads)", "celery:celery"),
        (PYTHON + "rq worker high low", "rq"),
        (PYTHON + "rq worker-pool high -n 2", "rq"),
        ("rq:worker:b8013824ebe14b4494fa7dac07b5c33d: Listening on high...", "rq"),
        ("/usr/sbin/php-fpm8.2 -F -y /etc/php.conf", "php-fpm"),
        ("php-fpm: pool www", "php-fpm:www"),
        ("/usr/sbin/apache2 -k start", "httpd"),
        ("/usr/sbin/httpd -DFOREGROUND", "httpd"),
        ("/usr/sbin/apache2 -d /etc/apache2 -k start", "httpd"),
        ("/usr/sbin/httpd -f /etc/httpd/conf/httpd.conf", "httpd"),
        ("/usr/sbin/apache2 -d /etc/apache2-shop -k start", "httpd:apache2-shop"),
        ("/usr/sbin/httpd -f /srv/shop/conf/httpd.conf -DFOREGROUND", "httpd:shop"),
        ("/usr/sbin/httpd -d /etc/httpd -f /etc/httpd/blog/httpd.conf", "httpd:blog"),
        ("/usr/sbin/httpd -f /etc/httpd/conf/blog.conf", "httpd:blog"),
        ("(wsgi:shop)       -k start", "mod_wsgi:shop"),
        ("nginx: worker process is shutting down", "nginx"),
        ("/usr/sbin/nginx -g daemon off;", "nginx"),
        ("nginx: master process /usr/sbin/nginx -g daemon on; master_process on;", "nginx"),
        ("nginx: master process nginx -c /etc/nginx/nginx.conf -g daemon off;", "nginx"),
        ("nginx: master process /usr/sbin/nginx -c /etc/nginx/proxy.conf", "nginx:proxy"),
        ("/usr/sbin/nginx -c /srv/shop/nginx.conf", "nginx:shop"),
        ("nginx: master process /opt/sbin/nginx -p /var/opt/gitlab/nginx", "nginx:gitlab"),
        ("/usr/bin/uwsgi --ini /etc/uwsgi/apps-enabled/shop.ini", "uwsgi:shop"),
        ("/usr/bin/uwsgi-core --ini green.ini", "uwsgi:green"),
        ("uwsgi --yaml=/srv/blue.yml", "uwsgi:blue"),
        ("/usr/bin/uwsgi --emperor /srv/vassals", "uwsgi"),
        ("uwsgi --master --http :8000 --module shop.wsgi:application", "uwsgi:shop.wsgi:application"),
        ("uwsgi -M -p 2 -w shop --chdir /srv/other", "uwsgi:shop"),
        ("uwsgi --master --chdir=/srv/shop --wsgi-file wsgi.py", "uwsgi:shop"),
        ("uwsgi --master --http-socket :80 --wsgi-file /srv/shop.py", "uwsgi:shop"),
        ("uwsgi --master --socket /run/shop.sock --pyargv x", "uwsgi:shop.sock"),
        ("uwsgi --http 127.0.0.1:8000 -p 2", "uwsgi:8000"),
        ("uwsgi --master --vhost", "uwsgi"),
        ("uwsgi -p 2", "uwsgi"),
        ("uWSGI worker 2", "uwsgi"),
        ("shopuWSGI master", "uwsgi:shop"),
        ("puma 5.6.5 (tcp://127.0.0.1:20501) [shop]", "puma:shop"),
        ("puma: cluster worker 1: 11730 [shop]", "puma:shop"),
        ("puma 6.4.2 (unix:///run/puma.sock)", "puma"),
        ("/usr/bin/ruby /usr/bin/puma -C puma.rb", "puma"),
        ("unicorn master (old) -E none -c /srv/unicorn.rb", "unicorn"),
        ("unicorn worker[0] -E none", "unicorn"),
        ("unicorn master -D -c config/unicorn.rb", "unicorn"),
        ("unicorn_rails worker[0] -c /srv/shop/current/config/unicorn.rb -D", "unicorn:shop"),
        ("unicorn worker[1] -c /srv/shop/releases/20260101/config/unicorn/production.rb", "unicorn:shop"),
        ("unicorn worker[1] -c /srv/shop/releases/20260101/config/unicorn.rb", "unicorn:shop"),
        ("unicorn master -E none -c /srv/blog/unicorn.rb", "unicorn:blog"),
        ("ruby /usr/bin/unicorn -c /etc/unicorn/mail.conf.rb", "unicorn:mail"),
        ("/usr/bin/ruby /usr/bin/unicorn -E none", "unicorn"),
        ("Passenger RubyApp: /srv/app/pass (production)", "passenger:pass"),
        ("Passenger AppPreloader: /srv/app/pass", "passenger:pass"),
        ("Passenger watchdog", "passenger"),
        ("ruby /usr/bin/passenger start --port 80", "passenger"),
        ("sidekiq 7.2.0 mail [3 of 5 busy]", "sidekiq:mail"),
        ("/usr/bin/ruby /usr/bin/sidekiq -r app", "sidekiq"),
        ("starman worker --workers 3 app.psgi", "starman"),
        ("/usr/bin/perl /usr/bin/starman --workers 3", "starman"),
        ("spamd child", "spamd"),
        ("/usr/bin/perl -T -w /usr/sbin/spamd --max-children 5", "spamd"),
        ("postgres: 15/main: alice shop 10.0.0.7(40222) SELECT", "postgres:15/main"),
        ("postgres: alice shop ::1(40222) idle", "postgres"),
        ("postgres: alice shop [local] idle in transaction", "postgres"),
        (
            "/usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql/15/main -c "
            "config_file=/etc/postgresql/15/main/postgresql.conf",
            "postgres:15/main",
        ),
        ("/usr/pgsql-16/bin/postmaster -D /var/lib/pgsql/16/data", "postgres"),
        ("/usr/sbin/mariadbd", "mariadb"),
        ("/usr/sbin/mysqld --user=mysql", "mysqld"),
        ("redis-server *:6379 [cluster]", "redis:6379"),
        ("/usr/bin/redis-server /etc/redis/redis.conf", "redis"),
        ("/usr/sbin/haproxy -sf 12 -x sockpair@3 -Ws -f /etc/haproxy.cfg", "haproxy"),
        ("/usr/sbin/haproxy -Ws -f /etc/haproxy/haproxy.cfg -p /run/haproxy.pid", "haproxy"),
        ("/usr/sbin/haproxy -Ws -f /etc/haproxy/edge.cfg -f /etc/haproxy/more.cfg", "haproxy:edge"),
        ("/usr/sbin/haproxy -f /srv/edge/haproxy.cfg -D", "haproxy:edge"),
        ("/usr/bin/memcached -m 64 -p 11211 -u memcache -l 127.0.0.1", "memcached"),
        ("/usr/bin/memcached -m 64 -u memcache", "memcached"),
        ("/usr/bin/memcached --port=11212", "memcached:11212"),
        ("/usr/bin/memcached -s /run/memcached/shop.sock -a 700", "memcached:shop.sock"),
        ("PM2 v7.0.4: God Daemon (/root/.pm2)", "pm2"),
        ("node /srv/app/server.js", "node:server.js"),
        ("/usr/bin/node --max-old-space-size=4096 -r dotenv/config dist/main", "node:main"),
    ],
)
def test_group_named_by_a_title(title: str, group: str) -> None:
    assert groups(over([process(10, 1, title)])) == {10: group}


NGINX = "nginx: master process /usr/sbin/nginx"


def test_nginx_workers_follow_the_configuration_file_of_their_master() -> None:
    plain = [process(10, 1, NGINX), process(11, 10, "nginx: worker process")]
    proxy = [
        process(20, 1, NGINX + " -c /etc/nginx/proxy.conf"),
        process(21, 20, "nginx: worker process"),
        process(22, 20, "nginx: cache manager process"),
    ]
    expected = {10: "nginx", 11: "nginx", 20: "nginx:proxy", 21: "nginx:proxy", 22: "nginx:proxy"}
    assert groups(over([*plain, *proxy])) == expected
    without_children = replace(CATALOG, children=False)
    assert groups(over([*plain, *proxy], configuration=without_children)) == expected
    assert roles(over(proxy)) == {20: "master", 21: "worker", 22: "auxiliary"}
    orphan = proxy[1]._replace(parent_pid=1)
    assert groups(over(proxy, [orphan])) == {21: "nginx:proxy"}
    assert groups(over([orphan])) == {21: "nginx"}


def test_nginx_workers_do_not_follow_into_a_group_of_ones_own() -> None:
    own = configured("process_names: [{name: web, cmdline: ['^nginx: master']}]")
    grouping = over([process(10, 1, NGINX), process(11, 10, "nginx: worker process")], configuration=own)
    assert groups(grouping) == {10: "web", 11: "nginx"}


@pytest.mark.parametrize(
    "argv",
    [
        ["sh", "-c", "/srv/venv/bin/gunicorn app:app"],
        ["bash", "-c", "exec php-fpm: pool www"],
        ["vim", "gunicorn.conf.py"],
        ["vi", "/etc/nginx/nginx.conf"],
        ["grep", "gunicorn"],
        ["tail", "-f", "/var/log/gunicorn/error.log"],
        ["man", "nginx"],
        ["less", "php-fpm.log"],
        ["journalctl", "-u", "gunicorn"],
        ["docker", "run", "gunicorn"],
        ["sudo", "-u", "www", "gunicorn", "app:app"],
        ["python", "manage.py", "test", "gunicorn"],
        ["python", "-c", "import gunicorn"],
        ["python3", "-m", "pytest", "uvicorn"],
        ["python3", "-m", "gunicornish", "app:app"],
        ["/usr/bin/python3", "/usr/bin/celery", "-A", "tasks", "beat"],
        ["/bin/bash", "/srv/shop/script/run"],
        ["/usr/bin/perl", "/srv/shop/web.pl"],
        ["/srv/shop/web.pl", "--help"],
        ["vi", "dramatiq.py"],
        ["/usr/bin/sanicd"],
        ["python3", "-m", "pytest", "fastapi", "run"],
        ["/usr/bin/redis-cli", "-p", "6379"],
        ["/bin/sh", "/usr/bin/mysqld_safe"],
        ["psql", "-h", "postgres"],
        ["node", "-e", "require('cluster')"],
        ["sshd: alice [priv]"],
        ["/usr/sbin/sshd", "-D"],
        ["/usr/sbin/cron", "-f"],
        ["/usr/sbin/smbd", "--foreground"],
        ["/usr/lib/postfix/sbin/master", "-w"],
        ["/usr/sbin/dovecot", "-F"],
        [],
    ],
    ids=" ".join,
)
def test_not_a_server(argv: list[str]) -> None:
    grouping = over([process(10, 1, argv, comm="gunicorn" if not argv else argv[0][:15])])
    assert members_of(grouping) == ()


def test_a_title_puts_no_user_and_no_client_into_a_label() -> None:
    for title in (
        "postgres: main: alice secrets 10.1.2.3(40222) idle",
        "rq:worker:b80138: Listening on high",
    ):
        (group,) = groups(over([process(10, 1, title)])).values()
        assert not any(word in group for word in ("alice", "secrets", "10.1.2.3", "40222", "b80138"))


# The largest CPU use of one idle worker in µs a second over a minute or two, on real servers; for the first
# two on a machine where waking up takes nearly twice as long as on others.
IDLE_MICROSECONDS = {
    PYTHON + "gunicorn app:app": 2890,
    PYTHON + "uvicorn app:asgi": 3230,
    PYTHON + "hypercorn app:asgi": 1520,
    PYTHON + "granian app:app": 0,
    "[celeryd: img@vm:ForkPoolWorker-1]": 0,
    "[celeryd: img@vm:MainProcess] -active- (-A tasks worker -P solo)": 1890,
    PYTHON + "rq worker": 2.93,
    "php-fpm: pool www": 0,
    "(wsgi:shop)": 54.4,
    "/usr/sbin/apache2 -k start": 41.9,
    "nginx: worker process": 0,
    "/usr/bin/uwsgi --master": 0,
    "shop uWSGI worker 1": 0,
    "puma: cluster worker 1: 11730 [shop]": 109,
    "unicorn worker[0]": 9.7,
    "Passenger RubyApp: /srv/app/pass": 0,
    "sidekiq 6.4.1 mailer [0 of 3 busy]": 879,
    "starman worker --workers 3": 0,
    "postgres: main15: alice shop [local] idle": 0.628,
    "/usr/sbin/mariadbd": 208,
    "redis-server *:6379": 2530,
    "memcached": 109,
    PYTHON + "fastapi run api.py": 2114,
    PYTHON + "sanic web:app": 0,
    PYTHON + "daphne shop:asgi": 334,
    PYTHON + "waitress-serve shop:app": 92.5,
    PYTHON + "huey_consumer -k process shop.queue": 315,
    PYTHON + "huey_consumer shop.queue": 2103,
    PYTHON + "dramatiq shop.jobs": 1718,
    PYTHON + "arq shop.Settings": 1131,
    "/srv/shop/web.pl": 53.5,
    "granian asgi 127.0.0.1:8000 shop:asgi worker-1": 0,
    "/usr/sbin/haproxy -W": 67.5,
    "node /srv/app/cluster.js": 5.45,
}


@pytest.mark.parametrize("title", IDLE_MICROSECONDS)
def test_heartbeats_lie_well_below_the_threshold(title: str) -> None:
    (member,) = members_of(over([process(10, 1, title)]))
    assert IDLE_MICROSECONDS[title] / 1e6 * 1.2 < member.entry.idle.cpu


def test_patterns_of_ones_own_allow_the_heartbeats_of_any_server_in_python() -> None:
    (member,) = members_of(over([process(10, 1, PYTHON + "uvicorn app:asgi")]))
    assert Idle().cpu == member.entry.idle.cpu


def test_no_entry_sets_how_long_idle_is() -> None:
    assert {entry.idle.after for entry in CATALOG.entries} == {CATALOG.idle.after}


# CPU of one idle worker in µs a second, and its wake-ups a second, measured on real servers.
HEARTBEATS = {
    PYTHON + "daphne shop:asgi": (290, 1.5),
    PYTHON + "daphne": (290, 1.5),
    PYTHON + "dramatiq shop.jobs": (1400, 8),
    PYTHON + "dramatiq": (1400, 8),
    PYTHON + "huey_consumer -k process shop.queue": (270, 1),
    PYTHON + "huey_consumer shop.queue": (1800, 2),
    PYTHON + "huey_consumer": (1800, 2),
    PYTHON + "arq shop.Settings": (1000, 2),
    "sidekiq 6.4.1 mailer [0 of 3 busy]": (879, 2.45),
    "/usr/bin/ruby /usr/bin/sidekiq": (879, 2.45),
    "redis-server *:6379": (2530, 20.5),
    "/usr/bin/redis-server": (2530, 20.5),
}


@pytest.mark.parametrize("title", HEARTBEATS)
def test_a_dear_heartbeat_is_rest_before_anything_was_learned(title: str) -> None:
    idle = members_of(over([process(10, 1, title)]))[0].entry.idle
    at_rest, wake_ups = HEARTBEATS[title]
    cpu = at_rest * 15e-6
    step = Step(15.0, cpu, cpu, round(wake_ups * 15), None, faults=0)
    assert judge(step, idle, Level()) is Work.REST
    assert judge(step, replace(idle, heartbeat=0.0), Level()) is not Work.REST, "it needs none"


@pytest.mark.parametrize("title", HEARTBEATS)
def test_a_request_of_five_milliseconds_a_second_shows_beside_a_dear_heartbeat(title: str) -> None:
    idle = members_of(over([process(10, 1, title)]))[0].entry.idle
    at_rest, wake_ups = HEARTBEATS[title]
    cpu = (at_rest + 5000) * 15e-6
    step = Step(15.0, cpu, cpu, round((wake_ups + 4) * 15), None, faults=0)
    for level in (Level(), Level(at_rest / 1e6, LEARNED)):
        assert judge(step, idle, level) is Work.REQUESTS


def test_only_those_have_a_heartbeat() -> None:
    having = {entry.where for entry in CATALOG.entries if entry.idle.heartbeat}
    assert having == {members_of(over([process(10, 1, title)]))[0].entry.where for title in HEARTBEATS}
