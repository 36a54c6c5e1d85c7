"""One pass over the real /proc, with processes that do what processes do."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from swap_exporter.sampling.clock import now
from swap_exporter.sampling.host import COLLECTORS
from swap_exporter.sampling.sample import Process
from swap_exporter.sampling.scan import Scanner
from tests.require import require
from tests.sampling.children import running, tell
from tests.system.waiting import wait_until


def scanned(pid: int) -> Process:
    return Scanner().scan(now).processes[pid]


def test_agrees_with_psutil_on_a_child(strange: Path) -> None:
    with running(strange, "named", "child") as child:
        seen, other = scanned(child.pid), psutil.Process(child.pid)
        assert seen.parent_pid == os.getpid() == other.ppid()
        assert list(seen.argv) == other.cmdline()
        assert seen.comm == other.name() == "child"
        assert seen.threads == other.num_threads() == 1
        assert seen.effective_uid == other.uids().effective
        assert seen.resident == other.memory_info().rss
        assert seen.resident is not None
        assert seen.resident > 32 << 20
        assert seen.resident_anonymous == other.memory_info().rss - other.memory_info().shared
        assert seen.swap == pytest.approx(other.memory_full_info().swap, abs=4 << 20)
        ticks = os.sysconf("SC_CLK_TCK")
        assert seen.cpu_ticks / ticks == pytest.approx(sum(other.cpu_times()[:2]), abs=0.02)
        assert seen.start_ticks / ticks + psutil.boot_time() == pytest.approx(other.create_time(), abs=1)
        assert not seen.kernel_thread
        assert not seen.ended


def test_sees_what_psutil_sees_and_itself() -> None:
    def missing() -> set[int]:
        before = set(psutil.pids())
        seen = Scanner().scan(now).processes
        assert os.getpid() in seen
        assert list(seen) == sorted(seen)
        return before & set(psutil.pids()) - set(seen)

    # Somebody's child may be between vfork and exec in one of the passes.
    wait_until("every process of before and after the pass is in it", lambda: not missing())


def test_the_host_and_every_collector_of_the_real_machine() -> None:
    sample = Scanner().scan(now)
    runs = {run.name: run for run in sample.collectors}
    assert set(runs) == {"processes", *COLLECTORS}
    assert all(runs[name].success for name in ("processes", "meminfo", "vmstat", "swaps"))
    assert bool(runs["pressure"].success) is (sample.host.pressure is not None)
    assert sample.host.meminfo is not None
    assert sample.host.meminfo.mem_total == psutil.virtual_memory().total
    assert sample.host.vmstat is not None
    assert all(run.seconds >= 0 for run in sample.collectors)


def test_kernel_threads_hold_no_memory() -> None:
    scanner = Scanner(os.environ.get("HOST_PROC", "/proc"))
    kernel_threads = [process for process in scanner.scan(now).processes.values() if process.kernel_thread]
    require(kernel_threads, "no kernel thread is visible: not the first pid namespace")
    for thread in kernel_threads:
        assert (thread.swap, thread.resident, thread.resident_anonymous, thread.argv) == (0, 0, 0, ())


def test_a_zombie_holds_nothing_and_keeps_its_title(scanner: Scanner) -> None:
    with running("sleep", "60") as child:
        wait_until("exec", lambda: scanner.scan(now).processes[child.pid].title == "sleep 60")
        child.kill()
        wait_until("a zombie", lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
        zombie = scanner.scan(now).processes[child.pid]
        assert zombie.ended
        assert (zombie.swap, zombie.resident, zombie.resident_anonymous) == (0, 0, 0)
        assert zombie.title == "sleep 60"
        assert scanned(child.pid).argv == ()
    assert child.pid not in scanner.scan(now).processes


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"", ""),
        (b") S 1 (", ") S 1 ("),
        (b"a b\nc", "a b\nc"),
        (b"\xff\xc3", "\ufffd\ufffd"),
        (b"0123456789abcdefg", "0123456789abcde"),
    ],
)
def test_a_process_may_call_itself_anything(strange: Path, name: bytes, shown: str) -> None:
    with running(strange, "named", name) as child:
        seen = scanned(child.pid)
        assert (seen.comm, seen.parent_pid) == (shown, os.getpid())
        assert " ".join(seen.argv).rstrip() == f"{strange} named {name.decode(errors='replace')}".rstrip()
        assert seen.resident is not None
        assert seen.resident > 32 << 20


@pytest.mark.parametrize("who", ["retitles", "thread-retitles"])
def test_a_title_is_seen_soon_after_it_changes(scanner: Scanner, strange: Path, who: str) -> None:
    """Also if another thread than the main one changes it, which no counter of the main one shows."""
    with running(strange, who, "." * 60) as child:
        assert scanner.scan(now).processes[child.pid].argv == (str(strange), who, "." * 60)
        for title in (b"app: worker 1 idle", b"app: worker 1 busy", b"app: \xff"):
            tell(child, title)
            seen = scanner.scan(now).processes[child.pid]
            assert seen.argv == (title.decode(errors="replace"),)


def test_an_exec_is_seen(scanner: Scanner) -> None:
    with running("sh", "-c", "read x; exec sleep 60") as child:
        wait_until("sh", lambda: scanner.scan(now).processes[child.pid].comm == "sh")
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.close()
        wait_until("sleep", lambda: scanner.scan(now).processes[child.pid].argv == ("sleep", "60"))
        child.stdin = None


def test_a_leader_that_ended_before_its_threads_still_holds_their_memory(strange: Path) -> None:
    with running(strange, "leader-exits") as child:
        stat = Path(f"/proc/{child.pid}/stat")
        wait_until("the leader's end", lambda: b") Z " in stat.read_bytes())
        seen = scanned(child.pid)
        assert (seen.state, seen.threads, seen.ended) == ("Z", 2, False)
        assert seen.resident is not None
        assert seen.resident > 32 << 20
        assert seen.argv == (str(strange), "leader-exits")
        assert seen.effective_uid == os.geteuid()


def test_a_vfork_child_does_not_count_its_parents_memory_again(scanner: Scanner, strange: Path) -> None:
    with running(strange, "vfork") as parent:
        [child] = psutil.Process(parent.pid).children()
        wait_until("the parent's wait", lambda: scanned(parent.pid).state == "D")
        wait_until("the child's wait", lambda: child.status() == psutil.STATUS_SLEEPING)
        assert child.memory_info().rss == psutil.Process(parent.pid).memory_info().rss > 32 << 20
        for _ in range(2):
            seen = scanner.scan(now).processes
            assert seen[parent.pid].state == "D"
            assert child.pid not in seen
        assert parent.stdin is not None
        parent.stdin.close()
        parent.wait(60)
        parent.stdin = None


def test_a_vfork_child_that_fills_memory_fills_its_parents(scanner: Scanner, strange: Path) -> None:
    """Nothing of what the kernel counts of the parent moves, for it waits."""
    with running(strange, "vfork-grows") as parent:
        [child] = psutil.Process(parent.pid).children()
        wait_until("the parent's wait", lambda: scanned(parent.pid).state == "D")
        for _ in range(3):
            before = scanner.scan(now).processes[parent.pid].resident
            tell(parent, b"grow")
            wait_until("the child's wait", lambda: child.status() == psutil.STATUS_SLEEPING)
            seen = scanner.scan(now).processes
            assert child.pid not in seen
            after = seen[parent.pid].resident
            assert before is not None
            assert after is not None
            assert after >= before + (8 << 20)
        assert parent.stdin is not None
        parent.stdin.close()
        parent.wait(60)
        parent.stdin = None


def test_a_storm_of_short_lived_processes_disturbs_nobody(scanner: Scanner) -> None:
    storm = "import os\nfor _ in range(300):\n p = os.fork()\n if p == 0: os._exit(0)\n os.waitpid(p, 0)"
    with (
        running("sleep", "60") as child,
        subprocess.Popen([sys.executable, "-c", storm]) as one,
        subprocess.Popen([sys.executable, "-c", storm]) as two,
    ):
        wait_until("exec", lambda: scanner.scan(now).processes[child.pid].argv == ("sleep", "60"))
        raging = True
        while raging:
            raging = one.poll() is None or two.poll() is None
            sample = scanner.scan(now)
            assert sample.processes[child.pid].argv == ("sleep", "60")
            assert all(run.success is not False for run in sample.collectors)
            assert sample.denied == 0
            for pid, process in sample.processes.items():
                assert process.pid == pid
                if process.parent_pid in (one.pid, two.pid):
                    assert process.argv in ((), (sys.executable, "-c", storm))


def test_cgroups_are_read_if_asked_for() -> None:
    me = os.getpid()
    expected = [line.split(":", 2)[2] for line in Path("/proc/self/cgroup").read_text().splitlines()]
    assert Scanner(cgroups=True).scan(now).processes[me].cgroups == tuple(expected)
    assert Scanner().scan(now).processes[me].cgroups is None


def test_no_descriptor_stays_open() -> None:
    scanner = Scanner(cgroups=True)
    scanner.scan(now)
    before = os.listdir("/proc/self/fd")
    scanner.scan(now)
    assert os.listdir("/proc/self/fd") == before
