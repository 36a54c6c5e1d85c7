"""What an exporter that may not do everything says: what it can, and nothing of the rest."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.system.cgroup import MemoryCgroup
from tests.system.conftest import Start
from tests.system.delay_accounting import accounting
from tests.system.exporter import NOBODY, Exporter, Scrape, hurried_catalogue
from tests.system.servers.gunicorn import Gunicorn
from tests.system.waiting import wait_until

APPLICATION = f"watched-{os.getpid()}"
GROUP = f"gunicorn:{APPLICATION}"
SETTINGS = hurried_catalogue(after=4, window=2, settings={"proportional": {"share_of_time": 0.2}})
PROPORTIONAL = {
    ("swap_group_swap_proportional_bytes", "worker"),
    ("swap_group_swap_proportional_bytes", "master"),
    ("swap_group_idle_swapped_proportional_bytes", ""),
}
SWAPIN = {
    (f"swap_group_swapin_bytes_{name}", role)
    for name in ("total", "per_second")
    for role in ("worker", "master")
}
# In a mount namespace of its own, where /proc shows nobody else's processes to who may not trace them.
HIDEPID = (
    *("unshare", "--mount", "sh", "-c"),
    'mount -t proc -o hidepid=invisible proc /proc && exec "$0" "$@"',
)


def nobody(*capabilities: str) -> tuple[str, ...]:
    kept = ",".join(["-all", *(f"+{name}" for name in capabilities)])
    return (*NOBODY, f"--inh-caps={kept}", f"--ambient-caps={kept}", f"--bounding-set={kept}")


def series(scrape: Scrape) -> set[tuple[str, str]]:
    """Of the group, by name and role, and of the host by name."""
    return {
        (sample.name, sample.labels.get("role", ""))
        for sample in scrape.samples
        if sample.labels.get("group") == GROUP or sample.name.startswith(("swap_host_", "swap_device_"))
    }


def capabilities(scrape: Scrape) -> tuple[bool, bool]:
    return (
        scrape.value("swap_exporter_capability", capability="proportional_swap") == 1,
        scrape.value("swap_exporter_capability", capability="delay_accounting") == 1,
    )


def test_each_capability_adds_its_own_and_takes_nothing(cgroup: MemoryCgroup, start: Start) -> None:
    with accounting(on=True):
        start(
            Gunicorn(workers=2, name=APPLICATION, preload=True, shared_megabytes=10, private_megabytes=5),
            cgroup,
        )
        root = start(Exporter(SETTINGS))
        each = {
            through: start(Exporter(SETTINGS, through=through))
            for through in (
                nobody(),
                nobody("sys_ptrace"),
                nobody("net_admin"),
                nobody("sys_ptrace", "net_admin"),
                (*HIDEPID, *nobody()),
                (*HIDEPID, *nobody("sys_ptrace", "net_admin")),
            )
        }
        unprivileged, tracing, accounted, both, blind, seeing = each.values()
        # Before anything lies in swap, too.
        wait_until("it knows", lambda: capabilities(unprivileged.scrape()) == (False, False))
        assert capabilities(both.scrape()) == (True, True)
        cgroup.push_out()

        def complete() -> set[tuple[str, str]]:
            scrape = root.scrape()
            assert scrape.get("swap_group_idle_swapped_workers", group=GROUP) == 2
            found = series(scrape)
            assert found >= PROPORTIONAL | SWAPIN | {("swap_host_quiet", "")}
            return found

        everything = wait_until("root tells everything", complete)

        def told() -> bool:
            lacks = [everything - series(exporter.scrape()) for exporter in each.values()]
            assert lacks[:4] == [PROPORTIONAL | SWAPIN, SWAPIN, PROPORTIONAL, set()]
            # A process that nobody may trace, as some sandboxes' first, hidepid hides from these as well.
            assert lacks[5] <= {("swap_host_unattributed_bytes", "")}
            return True

        wait_until("each tells what it may", told)
        assert [capabilities(exporter.scrape()) for exporter in (unprivileged, tracing, accounted, both)] == [
            (False, False),
            (True, False),
            (False, True),
            (True, True),
        ]
        assert "it takes CAP_NET_ADMIN" in unprivileged.stderr()
        assert "it takes CAP_NET_ADMIN" in tracing.stderr()

        # What does not take a privilege is the same for all.
        for exporter in (unprivileged, tracing, accounted, both, seeing):
            for name in ("swap_bytes", "resident_bytes", "processes"):
                assert exporter.scrape().sum(f"swap_group_{name}", group=GROUP) == pytest.approx(
                    root.scrape().sum(f"swap_group_{name}", group=GROUP), rel=0.05
                )
        # Without shares the whole of VmSwap counts.
        stranded = "swap_group_stranded_bytes"
        assert unprivileged.scrape().value(stranded, group=GROUP) > 1.2 * tracing.scrape().value(
            stranded, group=GROUP
        )

        scrape = blind.scrape()
        assert not list(scrape.matching("swap_group_processes", group=GROUP, role="worker"))
        assert scrape.value("swap_host_size_bytes") > 0
        assert scrape.value("swap_exporter_processes", result="scanned") < 5


@contextmanager
def another_pid_namespace() -> Iterator[str]:
    """The /proc of a new pid namespace."""
    with subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", "echo; exec sleep 300"],
        stdout=subprocess.PIPE,
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline()
            with open(f"/proc/{holder.pid}/task/{holder.pid}/children") as children:
                (inner,) = children.read().split()
            yield f"/proc/{inner}/root/proc"
        finally:
            holder.kill()


def test_the_proc_of_another_pid_namespace_gives_no_swapin(swap: None, start: Start) -> None:
    with accounting(on=True), another_pid_namespace() as procfs:
        exporter = start(Exporter(SETTINGS, options=[f"--path.procfs={procfs}"]))
        scrape = exporter.scrape()
        assert capabilities(scrape) == (True, False)
        assert "of another pid namespace: taskstats does not know its pids" in exporter.stderr()
        assert scrape.value("swap_exporter_processes", result="scanned") == 1
