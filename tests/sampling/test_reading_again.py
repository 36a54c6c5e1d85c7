"""What is not read again is what it was: processes that sleep, work, lose their parent or are replaced."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from swap_exporter.kernel import files
from swap_exporter.kernel.vmstat import Vmstat
from swap_exporter.sampling.clock import now
from swap_exporter.sampling.processes import FULL_REFRESH_SECONDS
from swap_exporter.sampling.sample import Instant, Process
from swap_exporter.sampling.scan import Scanner
from swap_exporter.sampling.tracked import SMALL_SWAP_CACHE, SwapActivity, Tracked, swap_activity
from tests.require import require
from tests.sampling.children import answer, running, tell
from tests.system.waiting import wait_until


def open_files(pid: int) -> list[str]:
    """The files of a process that this one has open."""
    names = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            path = Path(os.readlink(f"/proc/self/fd/{number}"))
            if path.parent == Path(f"/proc/{pid}"):
                names.append(path.name)
    return sorted(names)


def settled(scanner: Scanner, pid: int) -> Process:
    """As it is once it has come to rest."""

    def sleeping() -> Process | None:
        process = scanner.scan(now).processes[pid]
        return process if process.state == "S" and scanner.scan(now).processes[pid] is process else None

    return wait_until("it sleeps", sleeping)


def schedstat(pid: int) -> bytes:
    return Path(f"/proc/{pid}/schedstat").read_bytes()


def test_one_that_sleeps_is_the_same_object_in_the_next_sample(scanner: Scanner, strange: Path) -> None:
    with running(strange, "works") as child:
        process = settled(scanner, child.pid)
        assert all(scanner.scan(now).processes[child.pid] is process for _ in range(3))


def test_one_that_was_born_since_is_in_the_next_sample(scanner: Scanner) -> None:
    for _ in range(3):
        scanner.scan(now)
        with running("sleep", "60") as child:
            assert child.pid in scanner.scan(now).processes
        assert child.pid not in scanner.scan(now).processes


def test_one_that_has_worked_is_read(scanner: Scanner, strange: Path) -> None:
    with running(strange, "works") as child:
        before = settled(scanner, child.pid)
        for _ in range(3):
            tell(child, b"work")
            after = scanner.scan(now).processes[child.pid]
            assert after.cpu_ticks >= before.cpu_ticks + 3
            before = after


def test_work_of_a_thread_does_not_show_in_what_the_kernel_counts_of_the_first(
    scanner: Scanner, strange: Path
) -> None:
    """Who trusts schedstat of a process with threads takes it for asleep."""
    with running(strange, "thread-works") as child:
        first = psutil.Process(child.pid)  # its state is that of the first thread
        wait_until("it waits for the other", lambda: first.status() == psutil.STATUS_SLEEPING)
        before, first_thread = scanner.scan(now).processes[child.pid], schedstat(child.pid)
        tell(child, b"work")
        assert schedstat(child.pid) == first_thread
        assert scanner.scan(now).processes[child.pid].cpu_ticks >= before.cpu_ticks + 3


def test_an_orphan_has_another_parent_though_it_did_nothing(scanner: Scanner) -> None:
    with running("sh", "-c", "sleep 300 & echo $!; read x") as parent:
        orphan = int(answer(parent))
        try:
            wait_until("exec", lambda: scanner.scan(now).processes[orphan].argv == ("sleep", "300"))
            assert settled(scanner, orphan).parent_pid == parent.pid
            ran = schedstat(orphan)
            assert parent.stdin is not None
            parent.stdin.close()
            parent.wait(60)
            parent.stdin = None
            seen = scanner.scan(now).processes
            assert parent.pid not in seen
            assert seen[orphan].parent_pid != parent.pid
            assert schedstat(orphan) == ran
        finally:
            os.kill(orphan, signal.SIGKILL)


def test_a_zombies_child_has_another_parent(scanner: Scanner) -> None:
    with running("sh", "-c", "sleep 300 & echo $!; read x") as parent:
        orphan = int(answer(parent))
        try:
            wait_until("exec", lambda: scanner.scan(now).processes[orphan].argv == ("sleep", "300"))
            assert parent.stdin is not None
            parent.stdin.close()
            parent.stdin = None
            wait_until("a zombie", lambda: scanner.scan(now).processes[parent.pid].state == "Z")
            assert scanner.scan(now).processes[orphan].parent_pid != parent.pid
        finally:
            os.kill(orphan, signal.SIGKILL)


REUSED = """
import os, sys, time
from pathlib import Path
from swap_exporter.sampling.clock import now
from swap_exporter.sampling.scan import Scanner

scanner = Scanner(max_open_files=int(sys.argv[1]))
first = os.posix_spawn("/bin/sleep", ["sleep", "301"], os.environ)
while scanner.scan(now).processes[first].argv != ("sleep", "301"):
    pass
before = scanner.scan(now).processes[first]
os.kill(first, 9)
os.waitpid(first, 0)
time.sleep(0.05)
Path("/proc/sys/kernel/ns_last_pid").write_text(str(first - 1))
second = os.posix_spawn("/bin/sleep", ["sleep", "302"], os.environ)
assert second == first, (first, second)
while Path(f"/proc/{second}/cmdline").read_bytes() != b"sleep\\0" b"302\\0":
    pass
after = scanner.scan(now).processes[second]
assert after.argv == ("sleep", "302"), after
assert after.identity != before.identity, after
"""


@pytest.mark.parametrize("held", ["0", "1000"])
def test_who_has_got_the_pid_of_another_is_not_taken_for_it(held: str) -> None:
    require(os.geteuid() == 0, "needs root, for a pid namespace")
    command = [
        "unshare",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
        sys.executable,
        "-c",
        REUSED,
        held,
    ]
    subprocess.run(command, check=True, timeout=60)


MAPPED = """
import mmap, sys
with open(sys.argv[1], "rb") as file:
    memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
for offset in range(0, len(memory), 4096):
    memory[offset]
print("mapped", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("others", [0, 40])
def test_everybody_is_read_when_its_turn_comes(tmp_path: Path, others: int) -> None:
    """That pages of a file were taken from a sleeping process is counted nowhere."""
    file = tmp_path / "mapped"
    file.write_bytes(os.urandom(8 << 20))
    scanner, later = Scanner(max_open_files=1000), 0.0

    def clock() -> Instant:
        at = now()
        return at._replace(monotonic=at.monotonic + later)

    with contextlib.ExitStack() as stack:
        child = stack.enter_context(running(sys.executable, "-c", MAPPED, file))
        for _ in range(others):
            stack.enter_context(running("sleep", "60"))
        assert answer(child) == b"mapped\n"
        before, ran = settled(scanner, child.pid), schedstat(child.pid)
        os.truncate(file, 0)
        steps = 0
        while scanner.scan(clock).processes[child.pid] is before:
            later += FULL_REFRESH_SECONDS / 20
            steps += 1
            assert steps <= 21
        after = scanner.scan(clock).processes[child.pid]
        assert after.resident is not None
        assert before.resident is not None
        assert after.resident <= before.resident - (8 << 20)
        assert schedstat(child.pid) == ran
    scanner.close()


def test_files_stay_open_within_the_budget_and_are_closed() -> None:
    scanner = Scanner(max_open_files=4)
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(3):
        scanner.scan(now)
        assert len(set(os.listdir("/proc/self/fd")) - before) <= 4 + 1  # the one that lists them
    scanner.close()
    assert len(set(os.listdir("/proc/self/fd")) - before) <= 1


@pytest.mark.parametrize(
    ("what", "keep_open", "expected"),
    [
        ("works", 0, []),
        ("works", 1, ["schedstat"]),
        ("works", 2, ["schedstat", "status"]),
        ("thread-works", 2, []),  # there they are of no use
    ],
)
def test_files_kept_open_for_a_process(strange: Path, what: str, keep_open: int, expected: list[str]) -> None:
    proc = files.open_directory("/proc")
    with running(strange, what) as child:
        tracked = Tracked(child.pid, proc, max_title_bytes=100, cgroups=False, keep_open=keep_open)
        for _ in range(2):
            assert open_files(child.pid) == expected
            assert tracked.open_files == len(expected)
            tracked.read(proc, max_title_bytes=100, keep_open=keep_open)
        tracked.close()
        assert open_files(child.pid) == []
    os.close(proc)


def test_files_of_processes_that_end_are_closed() -> None:
    scanner = Scanner(max_open_files=100_000)
    with running("sleep", "60") as child:
        scanner.scan(now)
        assert "schedstat" in open_files(child.pid)
    scanner.scan(now)
    assert open_files(child.pid) == []
    scanner.close()


PAGE = os.sysconf("SC_PAGE_SIZE")
QUIET = Vmstat(pswpin=1, pswpout=2, zswpin=3, zswpout=4, swpin_zero=5, swpout_zero=6, nr_swapcached=0)


@pytest.mark.parametrize("field", Vmstat._fields)
def test_any_count_that_moves_may_have_moved_pages_of_anybody(field: str) -> None:
    assert swap_activity(QUIET, QUIET) is SwapActivity.NONE
    assert swap_activity(QUIET, QUIET._replace(**{field: 99})) is SwapActivity.ANY


def test_what_the_swap_cache_has_may_come_back_unseen() -> None:
    cached = QUIET._replace(nr_swapcached=SMALL_SWAP_CACHE // PAGE + 1)
    assert swap_activity(cached, cached) is SwapActivity.SWAP_CACHE
    few = QUIET._replace(nr_swapcached=SMALL_SWAP_CACHE // PAGE)
    assert swap_activity(few, few) is SwapActivity.NONE


@pytest.mark.parametrize("field", sorted(set(Vmstat._fields) - {"swpin_zero", "swpout_zero"}))
def test_a_kernel_that_does_not_count_moves_pages_unseen(field: str) -> None:
    lacking = QUIET._replace(**{field: None})
    assert swap_activity(lacking, lacking) is SwapActivity.ANY


def test_before_6_12_pages_of_zeros_are_written_like_others() -> None:
    older = QUIET._replace(swpin_zero=None, swpout_zero=None)
    assert swap_activity(older, older) is SwapActivity.NONE


def test_where_vmstat_cannot_be_read_anything_may_have_moved() -> None:
    assert swap_activity(None, QUIET) is SwapActivity.ANY
    assert swap_activity(QUIET, None) is SwapActivity.ANY
