"""Record the zoo: ``python -m tests.zoo.record OUT.jsonl.gz [--exporter] [--phases ...]``, as root.

It runs in a pid namespace of its own: an exporter beside it sees only the zoo, and all of it ends with it.
"""

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.swap import swap_in_use
from tests.system.delay_accounting import SWITCH
from tests.system.exporter import Exporter, hurried_catalogue
from tests.zoo.families import families
from tests.zoo.family import INSIDE, Family
from tests.zoo.recorder import Recorder
from tests.zoo.recording import METRICS
from tests.zoo.story import FULL, PHASES, SHORT, STORY, Story

SCRAPE_EVERY = 15.0
SWAP = 4 << 30
"""Bytes of swap to turn on where the machine has none."""


def main(arguments: Sequence[str]) -> int:
    enter_namespace()
    parser = argparse.ArgumentParser(prog="python -m tests.zoo.record", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--phases", nargs="+", choices=sorted(PHASES), default=STORY)
    parser.add_argument("--families", nargs="+", choices=sorted(families()), default=None)
    parser.add_argument(
        "--exporter", action="store_true", help="run it beside the zoo and record what it says"
    )
    parser.add_argument("--factor", type=float, default=1.0, help="all times are multiplied by this")
    chosen = parser.parse_args(arguments)
    known = families()
    kinds = [known[name] for name in chosen.families or known]
    with recorded(chosen.out, kinds, chosen.exporter, chosen.factor) as (running, recorder):
        print(f"{time.strftime('%H:%M:%S')} {len(running)} families", flush=True)
        times = FULL if chosen.exporter else SHORT
        story = Story(running, recorder, times.shortened(chosen.factor))
        story.run(chosen.phases)
        for family in running:
            print(
                f"{family.name}: {family.lost} requests lost {story.failed.get(family.name, '')}", flush=True
            )
    return 0


def enter_namespace(module: str = "tests.zoo.record") -> None:
    """Run this program again, in a pid namespace with a /proc of its own."""
    if os.environ.get(INSIDE) is None:
        os.environ[INSIDE] = "yes"
        inside = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--", sys.executable]
        os.execvp(inside[0], [*inside, "-m", module, *sys.argv[1:]])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


@contextlib.contextmanager
def recorded(
    out: Path,
    kinds: Iterable[type[Family]],
    exporter: bool,
    factor: float = 1.0,
    story: str = "zoo",
    swap: int = SWAP,
) -> Iterator[tuple[list[Family], Recorder]]:
    """Servers that run and are recorded, with an exporter beside them if that is wanted."""
    if SWITCH.exists():
        SWITCH.write_text("1")  # only what starts from now on is measured
    with contextlib.ExitStack() as stack:
        stack.enter_context(swap_in_use(swap))
        running = list(_running(stack, kinds))
        recorder = Recorder(out, running, story, factor)
        recorder.start()
        stack.callback(recorder.stop)
        if exporter:
            stack.enter_context(_scraped(recorder, factor))
        yield running, recorder


def _running(stack: contextlib.ExitStack, kinds: Iterable[type[Family]]) -> Iterator[Family]:
    """Start them, and leave out what is not installed or does not start."""
    for kind in kinds:
        server = kind()
        if missing := server.missing():
            print(f"{server.name}: {missing}", flush=True)
            continue
        stack.callback(_finish, server)
        try:
            server.launch()
        except Exception as error:
            print(f"{server.name}: {error!r}", flush=True)
        else:
            yield server


def _finish(server: Family) -> None:
    with contextlib.suppress(Exception), contextlib.redirect_stderr(None):
        server.finish()


@contextlib.contextmanager
def _scraped(recorder: Recorder, factor: float) -> Iterator[None]:
    """An exporter that is scraped all the time; with its default settings, unless times are shortened."""
    configuration = None
    if factor != 1:
        configuration = hurried_catalogue(
            round(300 * factor), round(60 * factor), {"tick": f"{15000 * factor:.0f}ms"}
        )
    exporter = Exporter(configuration)
    exporter.start()
    over = threading.Event()

    def scrape() -> None:
        while not over.wait(SCRAPE_EVERY * factor):
            with contextlib.suppress(OSError):
                at = time.monotonic()
                found: dict[str, dict[str, float]] = {}
                for sample in exporter.scrape().samples:
                    name = sample.name.removeprefix("swap_group_")
                    if name in METRICS and sample.name != name and sample.value:
                        found.setdefault(sample.labels["group"], {})[name] = round(sample.value, 4)
                recorder.scraped(at, found)

    thread = threading.Thread(target=scrape, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(120)
        exporter.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
