"""What rq's work-horses run. The answer is the pid of the worker, which forks one for each job."""

import os

import zoo_app


def work(ms: float, touch: float, hold: float) -> int:
    zoo_app.work(ms, touch, hold)
    return os.getppid()
