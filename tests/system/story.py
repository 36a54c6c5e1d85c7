"""Stages what the README shows, on this machine, and prints it: ``make story``, as root.

Eight gunicorn workers of a preloaded application do nothing for as long as the catalogue wants to see, are
then pushed out to swap, and the program is asked about them. Takes seven minutes, nearly all of it waiting.
"""

import os
import re
import subprocess
import sys
import time

from bench.swap import swap_in_use
from tests.system.cgroup import memory_cgroup
from tests.system.exporter import BINARY, Exporter
from tests.system.servers.gunicorn import Gunicorn

WATCH = 310
"""Seconds: idle.after, and a tick."""
SHOWN = re.compile(
    r"swap_group_(?:processes|swap_bytes|swap_prop\w+|idle_swapped\w*|displaced\w*|stranded\w*|wake\w*)"
    r'\{group="gunicorn:shopapi"(?:,role="(?:master|worker)")?\}'
    r"|swap_host_(?:size|free|memory_available|attributed|unattributed|quiet|stranded)\S* "
)


def main() -> None:
    with memory_cgroup() as cgroup:
        server = Gunicorn(workers=8, preload=True, shared_megabytes=30, private_megabytes=6)
        exporter = Exporter()
        exporter.port = 10059  # where the report asks
        try:
            server.start(cgroup)
            exporter.start()
            time.sleep(WATCH)
            with swap_in_use():
                cgroup.push_out()
                time.sleep(75)
                show(exporter, server.workers()[0])
                server.stop()
        finally:
            exporter.stop()
            server.stop()


def show(exporter: Exporter, worker: int) -> None:
    print(*(line for line in exporter.scrape().text.splitlines() if SHOWN.match(line)), sep="\n")
    for arguments in (["report"], ["explain", str(worker)]):
        print(f"\n$ swap-exporter {' '.join(arguments)}", flush=True)
        subprocess.run([BINARY, *arguments], env=os.environ | {"COLUMNS": "80"}, check=True, timeout=60)


if __name__ == "__main__":
    sys.exit(main())
