"""What helps, by kind of server: sentences of docs/runbooks/remedies.md, where their price stands too."""

from collections.abc import Iterable

from swap_exporter.grouping import selectors
from swap_exporter.grouping.entry import Entry
from swap_exporter.sampling.sample import Process

PAGE = "https://github.com/swap-exporter/swap-exporter/tree/main/docs/runbooks"

OTHER = "Run as many workers as an ordinary busy hour uses, not as many as the machine has cores."

REMEDIES = {
    "gunicorn": (
        "Run fewer workers with threads (`--worker-class gthread --workers 2 --threads 8`), or have them "
        "replaced before the load comes (`systemctl reload`)."
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
    "uvicorn": "fewer `--workers`; they are asynchronous, and one fills a core",
    "hypercorn": "fewer `--workers`; they are asynchronous, and one fills a core",
    "granian": "fewer `--workers`; `--workers-lifetime` recycles by age, the idle as well",
    "mod_wsgi": "`inactivity-timeout=3600` in WSGIDaemonProcess restarts idle processes",
    "passenger": "`passenger_min_instances`, `passenger_pool_idle_time`: ends idle applications",
    "postgres": "fewer connections: a pooler in front; `idle_session_timeout` for forgotten ones",
}


def remedy(entry: Entry, process: Process, entries: Iterable[Entry]) -> str:
    """For a worker that ``entry`` claims. An entry of the user's may have any name: what the catalogue would
    call the process tells its kind."""
    builtin = (each for each in entries if each.builtin and selectors.claim(each, process) is not None)
    known = entry if entry.builtin else next(builtin, entry)
    return REMEDIES.get(known.name.text.partition(":")[0], OTHER)
