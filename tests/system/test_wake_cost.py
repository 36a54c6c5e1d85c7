"""What waking a worker could cost, beside what it did cost: real workers that read their whole heap."""

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
SERVERS = 7
APPLICATION = f"waking-{os.getpid()}"
GROUP = f"gunicorn:{APPLICATION}"
ROUNDS = 3
ATTEMPTS = 4


def test_it_lies_between_the_first_request_and_three_times_it(cgroup: MemoryCgroup, start: Start) -> None:
    """One worker to a server, so that each is woken on purpose and alone; they are one group all the same."""
    with accounting(on=True):
        servers = [
            start(Gunicorn(workers=1, name=APPLICATION, private_megabytes=20), cgroup) for _ in range(SERVERS)
        ]
        exporter = start(Exporter(hurried_catalogue(after=4, window=2)))

        def push_out() -> None:
            cgroup.push_out()
            wait_until(
                "all are idle and swapped",
                lambda: exporter.scrape().get("swap_group_idle_swapped_workers", group=GROUP) == SERVERS,
            )

        def wake() -> float:
            """The median of how long each took."""
            took = []
            for server in servers:
                began = time.monotonic()
                server.request("/heap")
                took.append(time.monotonic() - began)
            # Pushed out before the exporter looked, they would pass for having served without their heap.
            wait_until("the exporter has seen them back", lambda: told_swap() < SERVERS * 12 * MIB)
            return median(took)

        def told_swap() -> float:
            return exporter.scrape().value("swap_group_swap_bytes", group=GROUP, role="worker")

        push_out()
        assert exporter.scrape().get("swap_group_wake_seconds", group=GROUP) is None
        for _ in range(ROUNDS - 1):
            wake()
            cgroup.push_out()
        wake()

        ratios = []
        for _ in range(ATTEMPTS):  # a machine that is busy with other things makes a request wait for these
            push_out()
            scrape = exporter.scrape()
            told = scrape.value("swap_group_wake_seconds", group=GROUP)
            assert 17 * MIB < scrape.value("swap_group_wake_bytes", group=GROUP) < 40 * MIB
            took = wake()
            print(f"told {told:.3f} s, took {took:.3f} s: {told / took:.2f}")
            ratios.append(told / took)
            if 1 <= median(ratios) <= 3:
                return
        raise AssertionError(f"told / took: {ratios}")
