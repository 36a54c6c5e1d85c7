"""A celery application whose children take their heap after the fork; its one task is zoo_app's work."""

import os

import zoo_app
from celery import Celery
from celery.signals import worker_process_init

app = Celery("zoo", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
app.conf.broker_connection_retry_on_startup = True
app.conf.worker_prefetch_multiplier = 1


@worker_process_init.connect
def fill(**_):  # type: ignore[no-untyped-def]
    blocks = int(os.environ["CHILD_HEAP_MIB"]) * 4
    zoo_app.heap.extend(os.urandom(zoo_app.BLOCK) for _ in range(blocks))


@app.task
def work(ms: float, touch: float, hold: float) -> int:
    return zoo_app.work(ms, touch, hold)
