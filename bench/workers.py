"""Workers that work: for each line some of them use CPU and hold other memory than before.

`python -m bench.workers PROCESSES NAMES`, with names as `idle` gives them. Chance is the same in each run.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple

SHARE = 0.2
"""Of the processes that work at each turn."""
CPU = 0.01
"""Seconds of each, on average: the kernel's clock tick, in which CPU is told."""
MEMORY = 1 << 20


class Worker(NamedTuple):
    pid: int
    ask: int
    answer: int
    """Descriptors of pipes."""


def start(number: int, names: int) -> Worker:
    asked, ask = os.pipe()
    answer, answered = os.pipe()
    if pid := os.fork():
        os.close(asked)
        os.close(answered)
        return Worker(pid, ask, answer)
    os.close(ask)
    Path("/proc/self/comm").write_text(f"bench-{number % names}")
    chance = random.Random(number)
    while os.read(asked, 1):
        held = bytearray(chance.randrange(MEMORY))
        until = time.process_time() + chance.uniform(0, 2 * CPU)
        while time.process_time() < until:
            pass
        os.write(answered, b"." if held else b"!")
    os._exit(0)


def main(processes: int, names: int) -> None:
    workers = [start(number, names) for number in range(processes)]
    chance = random.Random(processes)
    print("done", flush=True)
    for _ in sys.stdin:
        chosen = chance.sample(workers, max(1, round(SHARE * processes)))
        for worker in chosen:
            os.write(worker.ask, b".")
        for worker in chosen:
            os.read(worker.answer, 1)
        print("done", flush=True)
    for worker in workers:
        os.kill(worker.pid, signal.SIGKILL)
        os.waitpid(worker.pid, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
