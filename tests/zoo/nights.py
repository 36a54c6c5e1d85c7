"""Three nights by pressure on the whole machine: ``python -m tests.zoo.nights OUT.jsonl.gz``, as root.

Twelve gunicorn workers serve, then a batch job takes the memory and they are pushed out. Everything on the
machine feels it: run it on one that does nothing else.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from tests.system.cgroup import make_memory_cgroup
from tests.zoo import batch
from tests.zoo.families.gunicorn_sync import Gunicorn
from tests.zoo.family import Request
from tests.zoo.record import enter_namespace, recorded
from tests.zoo.story import FULL, Story

QUICK = Request(ms=2)
MIB = 1 << 20
SWAP = 6 << 30
"""Bytes of swap to turn on where the machine has none."""
PHASES = (
    *("settle", "fresh", "push", "night", "morning", "load_while_out"),
    *("dusk", "push", "rest", "morning", "load_while_out"),
    *("dusk", "push", "rest", "morning", "load_while_out"),
)


class Pool(Gunicorn):
    name = "gunicorn-nights"
    group = "gunicorn:gunicorn-nights"
    count = 12
    heap = 160


class Nights(Story):
    """The push-out is a batch job's, and requests are quick."""

    def push(self) -> None:
        (pool,) = self.families
        needed = batch.SWAP_RESERVE + 2 * pool.count * pool.heap * MIB
        if (free := batch.meminfo()["SwapFree"]) < needed:
            raise RuntimeError(f"{free // MIB} MiB of swap are free, {needed // MIB} MiB are needed")
        cgroup = make_memory_cgroup()
        self.recorder.event("push", pool.name)
        try:
            argv = [sys.executable, "-m", "tests.zoo.batch", *map(str, pool.workers())]
            subprocess.run(cgroup.command(*argv), timeout=2 * batch.LONGEST, check=True)
        finally:
            cgroup.remove()
            self.recorder.event("push end", pool.name)
        self.recorder.proportional(pool)

    def morning(self) -> None:
        """As many first requests as workers, at once."""
        self.wake_all()

    def load_while_out(self) -> None:
        """The day: every worker serves every second."""
        self.all(lambda family: self._serve(family, QUICK, 1.0, 2 * self.times.load))


def main() -> int:
    enter_namespace("tests.zoo.nights")
    parser = argparse.ArgumentParser(prog="python -m tests.zoo.nights", description=__doc__)
    parser.add_argument("out", type=Path)
    chosen = parser.parse_args()
    with recorded(chosen.out, [Pool], exporter=True, story="nights", swap=SWAP) as (running, recorder):
        print(f"{time.strftime('%H:%M:%S')} {len(running)} pool", flush=True)
        Nights(running, recorder, FULL).run(PHASES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
