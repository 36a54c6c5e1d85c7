"""Remedies by kind of server. docs/runbooks/remedies.md has the same sentences, with their drawbacks."""

from collections.abc import Iterable

from swap_exporter.assessment import GroupAssessment
from swap_exporter.grouping import selectors
from swap_exporter.grouping.roles import Role
from swap_exporter.sampling.sample import Process
from swap_exporter.settings import Entry

PAGE = "https://github.com/swap-exporter/swap-exporter/tree/main/docs/runbooks"

OTHER = "Run as many workers as an ordinary busy hour uses, not as many as the machine has cores."

_ASYNCHRONOUS = "Run fewer `--workers`: they are asynchronous, and one fills a core."
_INNODB = "Keep it out of swap: `MemorySwapMax=0`, and `innodb_buffer_pool_size` below what the host has."
_SMALL = "Leave it alone: its workers are small."
_SINGLE = "Keep it out of swap with `MemorySwapMax=0`: one process serves everything."
_JOBS = "Leave it alone: a job that starts a second late is rarely missed."

REMEDIES = {
    "gunicorn": (
        "Run fewer workers with more threads each (`--workers 2 --threads 8`), or have them replaced before "
        "the load comes (`systemctl reload`)."
    ),
    "php-fpm": (
        "Let the pool shrink: `pm = ondemand` with `pm.process_idle_timeout = 60s`, or `pm = dynamic` with "
        "a small `pm.max_spare_servers`."
    ),
    "httpd": (
        "With the prefork MPM lower `MaxSpareServers` (and `MinSpareServers`, `StartServers`), so that idle "
        "children end; or use the event MPM."
    ),
    "uwsgi": (
        "Use the cheaper mode: `cheaper = 2`, `cheaper-initial = 2`, `cheaper-step = 1`, with `workers` as "
        "the maximum."
    ),
    "celery": (
        "Let the pool follow the queue: `--autoscale=8,1` instead of `--concurrency 8`; for tasks that wait "
        "for others, `--pool gevent` or `threads`."
    ),
    "unicorn": (
        "Run fewer `worker_processes`; `kill -TTOU MASTER` takes one away on trial, `kill -HUP MASTER` "
        "replaces all of them."
    ),
    "puma": (
        "Run fewer `workers` with more `threads`; a phased restart (`kill -USR1 MASTER`) replaces workers "
        "one by one without losing a request."
    ),
    "uvicorn": _ASYNCHRONOUS,
    "hypercorn": _ASYNCHRONOUS,
    "fastapi": _ASYNCHRONOUS,
    "sanic": _ASYNCHRONOUS,
    "granian": "Run fewer `--workers`; `--workers-lifetime` recycles by age, the idle as well.",
    "hypnotoad": "Lower `workers`; they are asynchronous, and one fills a core.",
    "dramatiq": "Run fewer `--processes` with more `--threads`.",
    "mod_wsgi": "Set `inactivity-timeout=3600` in WSGIDaemonProcess: it restarts idle processes.",
    "passenger": "Lower `passenger_min_instances` and `passenger_pool_idle_time`: idle applications end.",
    "starman": "Run fewer `--workers`.",
    "spamd": "Lower `--max-spare`, so that idle children end.",
    "node": "Run fewer processes of a cluster; keep a single one out of swap with `MemorySwapMax=0`.",
    "postgres": "Open fewer connections: a pooler in front, `idle_session_timeout` for forgotten ones.",
    "mariadb": _INNODB,
    "mysqld": _INNODB,
    "redis": "Keep it out of swap: `MemorySwapMax=0`, and `maxmemory` below what the host has.",
    "waitress": _SINGLE,
    "daphne": _SINGLE,
    "memcached": "Keep it out of swap: `MemorySwapMax=0`, and `-m` below what the host has.",
    "nginx": _SMALL,
    "haproxy": _SMALL,
    "sidekiq": _JOBS,
    "rq": _JOBS,
    "huey": _JOBS,
    "arq": _JOBS,
    "pm2": "Leave it alone: it serves no requests.",
}


def group_remedy(group: GroupAssessment, entries: Iterable[Entry]) -> str | None:
    """The remedy for the workers of a group; ``None`` for a group without a process."""
    if not group.verdicts:
        return None
    member = max(group.verdicts, key=lambda verdict: verdict.member.role is Role.WORKER).member
    return remedy(member.entry, member.process, entries)


def remedy(entry: Entry, process: Process, entries: Iterable[Entry]) -> str:
    """The remedy for a worker that ``entry`` claims. A user's entry can have any name, so the catalogue's
    entry that matches the process decides the kind of server. ``entries``: all of the configuration."""
    builtin = (other for other in entries if other.builtin and selectors.claim(other, process) is not None)
    known = entry if entry.builtin else next(builtin, entry)
    return REMEDIES.get(known.name.text.partition(":")[0], OTHER)
