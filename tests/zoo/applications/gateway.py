"""Sends jobs: a line "NUMBER MS TOUCH HOLD" on the standard input gives "NUMBER PID" on the output.

The argument is the queue's software: celery, rq or dramatiq.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

Work = Callable[[float, float, float], int]
writing = threading.Lock()


def celery() -> Work:
    import celery_app

    def work(ms: float, touch: float, hold: float) -> int:
        result = celery_app.work.delay(ms, touch, hold)
        pid: int = result.get(timeout=120, interval=0.002)
        result.forget()
        return pid

    return work


def rq() -> Work:
    from redis import Redis
    from rq import Queue

    queue = Queue("zoo", connection=Redis.from_url(os.environ["BROKER"]))

    def work(ms: float, touch: float, hold: float) -> int:
        job = queue.enqueue("rq_app.work", ms, touch, hold, result_ttl=60)
        end = time.monotonic() + 120
        while not job.is_finished and time.monotonic() < end:
            time.sleep(0.003)
            job.refresh()
        return int(job.return_value())

    return work


def dramatiq() -> Work:
    import dramatiq_app

    def work(ms: float, touch: float, hold: float) -> int:
        message = dramatiq_app.work.send(ms, touch, hold)
        return int(message.get_result(block=True, timeout=120_000))

    return work


def answer(work: Work, number: str, ms: str, touch: str, hold: str) -> None:
    pid = work(float(ms), float(touch), float(hold))
    with writing:
        print(number, pid, flush=True)


if __name__ == "__main__":
    chosen = {"celery": celery, "rq": rq, "dramatiq": dramatiq}[sys.argv[1]]()
    with ThreadPoolExecutor(16) as pool:
        for line in sys.stdin:
            pool.submit(answer, chosen, *line.split())
