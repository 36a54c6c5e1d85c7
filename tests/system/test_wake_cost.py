"""What waking a worker takes, as the exporter reports it, beside what it did take: workers that read their
heap."""

import os
import time
from statistics import median

from tests.system.cgroup import MemoryCgroup
from tests.system.conftest import Start
from tests.system.delay_accounting import accounting
from tests.system.exporter import Exporter, hurried_catalogue
from tests.system.servers.gunicorn import Gunicorn
from tests.system.waiting import wait_until

MIB = 1 << 20
SERVERS = 4
APPLICATION = f"waking-{os.getpid()}"
GROUP = f"gunicorn:{APPLICATION}"
ATTEMPTS = 4


def test_it_is_what_the_first_request_takes_longer_within_a_factor_of_two(
    cgroup: MemoryCgroup, start: Start
) -> None:
    """One worker to a server, so that each is woken on purpose and alone; they are one group all the same."""
    with accounting(on=True):
        servers = [
            start(Gunicorn(workers=1, name=APPLICATION, private_megabytes=20), cgroup) for _ in range(SERVERS)
        ]
        exporter = start(Exporter(hurried_catalogue(after=4, window=2)))

        def reported(metric: str, **labels: str) -> float | None:
            return exporter.scrape().get(f"swap_group_{metric}", group=GROUP, **labels)

        def push_out() -> None:
            cgroup.push_out()
            wait_until("all are idle and swapped", lambda: reported("idle_swapped_workers") == SERVERS)

        def request(server: Gunicorn) -> float:
            began = time.monotonic()
            server.request("/heap")
            return time.monotonic() - began

        def wake() -> float:
            """The median of how much longer than a warm one each first request took."""
            took = []
            for number, server in enumerate(servers, 1):
                first = request(server)
                took.append(first - median(request(server) for _ in range(5)))
                # Woken in the same sample, two workers would pass for such as wake together.
                wait_until(
                    "the exporter has seen it wake",
                    lambda number=number: (
                        reported("workers", activity="busy", residency="resident") == number
                    ),
                )
            return median(took)

        push_out()
        assert reported("wake_seconds") is None
        wake()

        ratios = []
        for _ in range(ATTEMPTS):  # a machine that is busy with other things makes a request wait for these
            push_out()
            seconds = reported("wake_seconds")
            assert seconds is not None
            assert 17 * MIB < (reported("wake_bytes") or 0) < 40 * MIB
            assert (reported("wake_all_seconds") or 0) > seconds / 2
            took = wake()
            print(f"reported {seconds:.3f} s, took {took:.3f} s: {seconds / took:.2f}")
            ratios.append(seconds / took)
            if 0.5 <= median(ratios) <= 2:
                return
        raise AssertionError(f"reported / took: {ratios}")
