"""Start families and make their workers serve: ``python -m tests.zoo.try_families [NAME...]``, as root."""

import sys
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
            server.launch()
            workers = server.workers()
            print(f"{name}: master {server.pid}, workers {workers}, {len(server.members())} processes")
            for request in (Request(ms=5, touch=25), Request(ms=5), Request(ms=5)):
                answers = server.ask_each(request)
                good = {answer.pid for answer in answers} == set(workers)
                latencies = [round(answer.latency * 1e3, 1) for answer in answers]
                print(f"   {'each has served' if good else 'NOT ALL HAVE SERVED'}, ms: {latencies}")
                bad += not good
        except Exception:
            bad += 1
            traceback.print_exc()
        finally:
            server.finish()
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
