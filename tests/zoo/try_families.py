"""Start each family for a moment and make its workers serve: ``python -m tests.zoo.try_families [NAME...]``."""

import sys
import time
import traceback

from tests.zoo.families import families
from tests.zoo.family import Request


def main(names: list[str]) -> int:
    bad = 0
    for name, kind in families().items():
        if names and name not in names:
            continue
        server = kind()
        try:
            if missing := server.missing():
                print(f"{name}: {missing}")
                continue
            begin = time.monotonic()
            server.launch()
            started = time.monotonic() - begin
            workers = server.workers()
            print(
                f"{name}: up in {started:.1f} s, master {server.pid}, workers {workers}, {len(server.members())} processes"
            )
            for request in (Request(ms=5, touch=25), Request(ms=5), Request(ms=5)):
                answers = server.ask_each(request)
                served = [answer.pid for answer in answers]
                latency = [round(answer.latency * 1e3, 1) for answer in answers]
                good = set(served) == set(workers)
                print(
                    f"   {'ok ' if good else 'BAD'} {len(served)} answers for {len(workers)} workers, ms {latency}, lost {server.lost}"
                )
                bad += not good
        except Exception:
            bad += 1
            traceback.print_exc()
        finally:
            server.finish()
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
