"""Record the zoo: ``python -m tests.zoo.record OUT.jsonl.gz [--phases ...] [--families ...]``, as root."""

import argparse
import signal
import sys
import time
from pathlib import Path

from tests.system.delay_accounting import SWITCH
from tests.zoo.families import families
from tests.zoo.family import Family
from tests.zoo.recorder import Recorder
from tests.zoo.story import FULL, PHASES, SHORT, STORY, Story


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--phases", nargs="+", choices=sorted(PHASES), default=STORY)
    parser.add_argument("--families", nargs="+", choices=sorted(families()), default=None)
    parser.add_argument("--full", action="store_true", help="long enough for a daemon with default settings")
    parser.add_argument("--factor", type=float, default=1.0, help="all times are multiplied by this")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if SWITCH.exists():
        SWITCH.write_text("1")  # left on: only what starts afterwards is counted
    running: list[Family] = []
    try:
        for name in chosen.families or families():
            server = families()[name]()
            if missing := server.missing():
                print(f"{name}: {missing}", flush=True)
                continue
            running.append(server)
            try:
                server.launch()
            except Exception as error:
                print(f"{name}: {error!r}", flush=True)
                running.remove(server)
                server.finish()
        print(f"{time.strftime('%H:%M:%S')} {len(running)} families", flush=True)
        recorder = Recorder(chosen.out, running)
        recorder.start()
        try:
            story = Story(running, recorder, (FULL if chosen.full else SHORT).shortened(chosen.factor))
            story.run(chosen.phases)
        finally:
            recorder.stop()
        for family in running:
            print(f"{family.name}: {family.lost} requests lost {story.failed.get(family.name, '')}")
    finally:
        for server in running:
            try:
                server.finish()
            except Exception as error:
                print(f"{server.name}: {error!r}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
