"""Sends tasks: a line "NUMBER MS TOUCH HOLD" on the standard input gives "NUMBER PID" on the output."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import celery_app

writing = threading.Lock()


def ask(number: str, ms: str, touch: str, hold: str) -> None:
    result = celery_app.work.delay(float(ms), float(touch), float(hold))
    pid = result.get(timeout=120, interval=0.002)
    result.forget()
    with writing:
        print(number, pid, flush=True)


with ThreadPoolExecutor(16) as pool:
    for line in sys.stdin:
        pool.submit(ask, *line.split())
