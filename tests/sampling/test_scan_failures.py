"""What cannot be read costs what it touches, and no more."""

import contextlib
import ctypes
import os
import resource
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from swap_exporter.kernel.errors import KernelFileError
from swap_exporter.sampling.clock import now
from swap_exporter.sampling.sample import Sample
from swap_exporter.sampling.scan import Scanner, check_procfs
from tests.require import require
from tests.sampling.children import become_nobody, forked
from tests.sampling.tree import VMSTAT, Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path)
    tree.process(1, parent=0, cmdline=b"init\0")
    tree.process(20)
    return tree


@pytest.fixture
def scanner(tree: Tree) -> Scanner:
    return Scanner(str(tree.root), str(tree.root), cgroups=True)


def outcome(sample: Sample) -> tuple[list[int], int, int]:
    return list(sample.processes), sample.vanished, sample.denied


def test_a_whole_tree(tree: Tree, scanner: Scanner) -> None:
    tree.process(3)
    sample = scanner.scan(now)
    assert outcome(sample) == ([1, 3, 20], 0, 0)
    app = sample.processes[20]
    assert (app.argv, app.cgroups, app.effective_uid) == (("app", "--serve"), ("/app",), 33)
    assert (app.swap, app.resident, app.resident_anonymous) == (100 << 10, 1600 << 10, 8 << 10)


@pytest.mark.parametrize("file", ["stat", "status"])
def test_a_process_that_ends_while_it_is_read_is_counted(tree: Tree, scanner: Scanner, file: str) -> None:
    tree.remove(f"20/{file}")
    assert outcome(scanner.scan(now)) == ([1], 1, 0)


@pytest.mark.parametrize("content", [None, b"", b"20 (app) S", b"\0\xff\n"])
def test_without_stat_there_is_no_process(tree: Tree, scanner: Scanner, content: bytes | None) -> None:
    tree.make_unreadable("20/stat") if content is None else tree.write("20/stat", content)
    assert outcome(scanner.scan(now)) == ([1], 0, 1)


@pytest.mark.parametrize("file", ["1/stat", "20/stat"])
def test_one_that_carries_another_pid_is_one_denied_process(tree: Tree, scanner: Scanner, file: str) -> None:
    """At its first reading, and at a later one."""
    tree.process(30)
    (pid,) = {1, 20} - {other := int(file.partition("/")[0])}
    good = (tree.root / file).read_bytes()
    garbled = good.replace(b"%d (" % other, b"30 (")
    tree.write(file, garbled)
    assert outcome(scanner.scan(now)) == ([pid, 30], 0, 1)
    tree.write(file, good)
    assert outcome(scanner.scan(now)) == ([1, 20, 30], 0, 0)
    tree.write(file, garbled)
    assert outcome(scanner.scan(now)) == ([pid, 30], 0, 1)


@pytest.mark.parametrize("content", [None, b"", b"Name:\tapp\nUm", b"\0\xff\n"])
def test_without_status_only_its_memory_is_unknown(
    tree: Tree, scanner: Scanner, content: bytes | None
) -> None:
    tree.make_unreadable("20/status") if content is None else tree.write("20/status", content)
    sample = scanner.scan(now)
    assert outcome(sample) == ([1, 20], 0, 1)
    app = sample.processes[20]
    assert (app.swap, app.resident, app.resident_anonymous, app.effective_uid) == (None,) * 4
    assert app.argv == ("app", "--serve")


@pytest.mark.parametrize("file", ["cmdline", "cgroup"])
def test_without_title_or_cgroup_the_process_stays(tree: Tree, scanner: Scanner, file: str) -> None:
    content = (tree.root / "20" / file).read_bytes()
    tree.make_unreadable(f"20/{file}")
    sample = scanner.scan(now)
    assert outcome(sample) == ([1, 20], 0, 0)
    assert not (sample.processes[20].argv and sample.processes[20].cgroups)

    tree.write(f"20/{file}", content)
    readable = scanner.scan(now).processes[20]
    assert (readable.argv, readable.cgroups) == (("app", "--serve"), ("/app",))


def test_a_title_once_known_survives_a_failed_reading(tree: Tree, scanner: Scanner) -> None:
    scanner.scan(now)
    tree.process(20, switches=8)
    tree.make_unreadable("20/cmdline")
    assert scanner.scan(now).processes[20].argv == ("app", "--serve")


def test_a_title_is_not_read_again_while_the_process_cannot_have_changed_it(
    tree: Tree, scanner: Scanner
) -> None:
    scanner.scan(now)
    tree.write("20/cmdline", b"never\0looked\0at\0")
    assert scanner.scan(now).processes[20].argv == ("app", "--serve")


@pytest.mark.parametrize(
    "change",
    [
        {"switches": 8},
        {"cpu": 4},
        {"comm": b"other"},
        {"start": 501},
        {"state": b"R"},
        {"threads": 2},
    ],
    ids=str,
)
def test_a_title_is_read_again_when_it_can_have_changed(
    tree: Tree, scanner: Scanner, change: dict[str, int]
) -> None:
    scanner.scan(now)
    tree.process(20, cmdline=b"renamed\0", cgroup=b"0::/moved\n", **change)  # type: ignore[arg-type]
    seen = scanner.scan(now).processes[20]
    assert (seen.argv, seen.cgroups) == (("renamed",), ("/moved",))


def test_a_title_is_read_each_time_where_the_kernel_counts_no_switches(tree: Tree, scanner: Scanner) -> None:
    tree.process(20, switches=None)
    scanner.scan(now)
    tree.write("20/cmdline", b"renamed\0")
    assert scanner.scan(now).processes[20].argv == ("renamed",)


def test_a_reused_pid_inherits_no_title(tree: Tree, scanner: Scanner) -> None:
    scanner.scan(now)
    tree.process(20, start=501)
    tree.make_unreadable("20/cmdline")
    assert scanner.scan(now).processes[20].argv == ()


def test_processes_are_in_the_order_of_their_pids_whoever_came_first(tree: Tree, scanner: Scanner) -> None:
    """Pids start again from the bottom when the highest has been given."""
    scanner.scan(now)
    tree.process(30)
    tree.process(10)
    assert list(scanner.scan(now).processes) == [1, 10, 20, 30]


def test_ended_processes_are_forgotten(tree: Tree, scanner: Scanner) -> None:
    scanner.scan(now)
    tree.remove("20")
    scanner.scan(now)
    tree.process(20, cmdline=b"same\0numbers\0")
    assert scanner.scan(now).processes[20].argv == ("same", "numbers")


def test_the_longest_title_is_cut(tree: Tree, scanner: Scanner) -> None:
    tree.process(20, cmdline=b"x" * (1 << 20))
    assert len(scanner.scan(now).processes[20].title) == 128 << 10


def title_sizes(sample: Sample) -> list[int]:
    return [len(process.title) for process in sample.processes.values()]


def test_all_titles_together_are_bounded(tree: Tree, scanner: Scanner) -> None:
    for pid in range(100, 140):
        tree.process(pid, cmdline=b"x" * (128 << 10))
    init, app, *sizes = title_sizes(scanner.scan(now))
    assert (init, app) == (len("init"), len("app --serve"))
    assert sizes == [128 << 10] * 32 + [1 << 10] * 8


def test_titles_that_were_read_one_after_the_other_are_bounded_together(tree: Tree, scanner: Scanner) -> None:
    """And what came first keeps its title."""
    for first in (200, 100):
        for pid in range(first, first + 40):
            tree.process(pid, cmdline=b"x" * (128 << 10))
        sizes = title_sizes(scanner.scan(now))
    assert sum(sizes) < (4 << 20) + (128 << 10) + (100 << 10)


def test_a_kernel_thread_needs_nothing_but_stat(tree: Tree, scanner: Scanner) -> None:
    tree.process(2, flags=0x208040)
    for file in ("status", "cmdline", "cgroup"):
        tree.make_unreadable(f"2/{file}")
    sample = scanner.scan(now)
    assert outcome(sample) == ([1, 2, 20], 0, 0)
    assert sample.processes[2].swap == 0


def test_memory_of_a_dead_leader_is_unknown_where_its_threads_are_refused(
    tree: Tree, scanner: Scanner
) -> None:
    tree.process(20, state=b"Z", threads=2, memory=False)
    tree.make_unreadable("20/task/21/status")
    sample = scanner.scan(now)
    assert sample.processes[20].swap is None
    assert sample.denied == 1


@pytest.mark.parametrize(
    ("parent", "child", "left_out"),
    [
        ({"state": b"D"}, {}, True),
        ({"state": b"S"}, {}, False),
        ({"state": b"D"}, {"pages": 399}, False),
        ({"state": b"D"}, {"virtual": 8_999_999}, False),
        ({"state": b"D"}, {"swap_kib": 0}, False),
        ({"state": b"D"}, {"parent": 1}, False),
        ({"state": b"D", "memory": False, "pages": 0}, {"memory": False, "pages": 0}, False),
        ({"state": b"D", "flags": 0x208040}, {}, False),
    ],
    ids=str,
)
def test_a_child_is_left_out_only_if_it_is_surely_in_its_parents_memory(
    tree: Tree, scanner: Scanner, parent: dict[str, int], child: dict[str, int], left_out: bool
) -> None:
    tree.process(20, **parent)  # type: ignore[arg-type]
    tree.process(30, **{"parent": 20, **child})  # type: ignore[arg-type]
    assert (30 not in scanner.scan(now).processes) is left_out


def test_a_child_seen_before_is_not_left_out(tree: Tree, scanner: Scanner) -> None:
    tree.process(30, parent=20)
    scanner.scan(now)
    tree.process(20, state=b"D")
    assert 30 in scanner.scan(now).processes


def test_a_host_file_that_fails_takes_no_other_with_it(tree: Tree, scanner: Scanner) -> None:
    tree.remove("pressure/memory")
    tree.write("vmstat", b"pswpin many\n")
    tree.make_unreadable("swaps")
    sample = scanner.scan(now)
    assert (sample.host.pressure, sample.host.vmstat, sample.host.swap_devices) == (None, None, None)
    assert sample.host.meminfo is not None
    assert {run.name: run.problem for run in sample.collectors} == {
        "processes": None,
        "vmstat": f"{tree.root}/vmstat: vmstat, pswpin: expected a number, found 'many'",
        "meminfo": None,
        "pressure": f"{tree.root}/pressure/memory: not there: boot with psi=1, on a kernel with CONFIG_PSI",
        "swaps": f"{tree.root}/swaps: Is a directory",
        "sysvipc": None,
        "zram": None,
    }
    assert {run.name: run.success for run in sample.collectors} == {
        "processes": True,
        "vmstat": False,
        "meminfo": True,
        "pressure": None,  # not every kernel has it
        "swaps": False,
        "sysvipc": True,
        "zram": True,
    }


def test_a_collector_that_is_off_is_silent(tree: Tree) -> None:
    sample = Scanner(str(tree.root), collectors=frozenset({"vmstat"})).scan(now)
    assert [run.name for run in sample.collectors] == ["processes", "vmstat"]
    assert sample.host.vmstat is not None
    assert (sample.host.meminfo, sample.host.pressure, sample.host.swap_devices) == (None, None, None)


def test_vmstat_is_read_before_the_processes(tree: Tree, scanner: Scanner) -> None:
    """Process 42 is born while vmstat is being read."""
    tree.remove("vmstat")
    os.mkfifo(tree.root / "vmstat")

    def give() -> None:
        with open(tree.root / "vmstat", "wb") as pipe:
            tree.process(42)
            pipe.write(VMSTAT)

    giver = threading.Thread(target=give, daemon=True)
    giver.start()
    sample = scanner.scan(now)
    giver.join(60)
    assert sample.host.vmstat is not None
    assert 42 in sample.processes


def test_a_proc_that_goes_away_is_a_collector_without_success(tree: Tree, scanner: Scanner) -> None:
    scanner.scan(now)
    tree.root.rename(f"{tree.root}.gone")
    sample = scanner.scan(now)
    assert not sample.processes
    assert sample.collectors[0][:2] == ("processes", False)
    assert sample.collectors[0].problem == f"{tree.root}: not there"


@pytest.mark.parametrize("free", range(4))
def test_being_out_of_descriptors_is_no_end_of_processes(tree: Tree, scanner: Scanner, free: int) -> None:
    """Four are needed: for the proc, a process, its threads, and the copy that listing makes."""
    tree.process(20, state=b"Z", threads=2, memory=False)
    tree.write("20/task/21/status", b"")

    def check() -> None:
        os.closerange(3, 4096)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3 + free, 3 + free))
        run = scanner.scan(now).collectors[0]
        assert not run.success
        assert "Too many open files" in str(run.problem)

    forked(check)


def test_open_files_are_closed_where_descriptors_run_out() -> None:
    """Here others take all that this process may still open."""

    def check() -> None:
        os.closerange(3, 4096)
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                stack.callback(stack.enter_context(subprocess.Popen(["sleep", "60"])).kill)
            resource.setrlimit(resource.RLIMIT_NOFILE, (120, 120))
            scanner = Scanner(max_open_files=80)
            whole = scanner.scan(now)
            assert whole.complete
            assert len(os.listdir("/proc/self/fd")) > 60
            with contextlib.suppress(OSError):
                while True:
                    os.open("/dev/null", os.O_RDONLY)
            for _ in range(3):
                sample = scanner.scan(now)
                assert sample.complete, sample.collectors[0].problem
                assert len(sample.processes) >= 40

    forked(check)


FORKS = b"cpu  1 2 3\nprocesses 77\n"


@pytest.mark.parametrize("held", [0, 3, 40])
def test_a_pass_that_breaks_off_anywhere_spoils_none_after_it(tree: Tree, held: int) -> None:
    """Descriptors run out at each of the files that it opens, one after the other."""
    processes = range(20, 30)

    def change(number: int) -> None:
        tree.write("stat", b"processes %d\n" % number)
        tree.write("vmstat", VMSTAT + b"nr_swapcached 0\nzswpin %d\n" % (number // 3))
        tree.remove(f"{20 + number % 10}")
        for pid in processes:
            if pid != 20 + number % 10 and (number + pid) % 3:
                tree.process(pid, parent=pid - 1, cpu=number, swap_kib=number, switches=number)
                tree.write(f"{pid}/schedstat", b"%d 0 %d\n" % (number, number))

    def check() -> None:
        os.closerange(3, 4096)
        limit, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        scanner = Scanner(str(tree.root), str(tree.root), cgroups=True, max_open_files=held)
        broke = 0
        for number in range(1, 60):
            change(number)
            resource.setrlimit(resource.RLIMIT_NOFILE, (3 + number // 3, hard))
            broke += not scanner.scan(now).complete
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            change(number)
            sample = scanner.scan(now)
            fresh = Scanner(str(tree.root), str(tree.root), cgroups=True).scan(now)
            assert sample.complete
            assert list(sample.processes.items()) == list(fresh.processes.items())
        assert 5 < broke < 50, broke

    forked(check)


def test_a_sample_stays_as_it_was_taken(tree: Tree, scanner: Scanner) -> None:
    before = scanner.scan(now).processes
    told = dict(before)
    tree.remove("20")
    tree.process(1, parent=0, cpu=99)
    tree.process(30)
    assert scanner.scan(now).processes.keys() == {1, 30}
    assert before == told


def test_who_ends_between_two_samples_did_not_end_while_it_was_read(tree: Tree, scanner: Scanner) -> None:
    """Here the kernel has counted no fork, so that nobody is listed again."""
    tree.write("stat", FORKS)
    scanner.scan(now)
    tree.remove("20")
    assert outcome(scanner.scan(now)) == ([1], 0, 0)


def test_who_was_hidden_comes_to_light_within_a_minute(tree: Tree, scanner: Scanner) -> None:
    """It was forked long ago, and is another user's no more."""
    tree.write("stat", FORKS)
    scanner.scan(now)
    tree.process(30)
    later = now()._replace(monotonic=now().monotonic + 61)
    assert list(scanner.scan(lambda: later).processes) == [1, 20, 30]


def test_a_kernel_thread_that_becomes_a_program_has_memory_at_once(tree: Tree, scanner: Scanner) -> None:
    tree.process(20, flags=0x208040)
    assert scanner.scan(now).processes[20].kernel_thread
    tree.process(20)
    assert scanner.scan(now).processes[20].swap == 100 << 10


@contextlib.contextmanager
def when_it_is_read(tree: Tree, file: str, act: Callable[[], None]) -> Iterator[None]:
    """Does something in the middle of a pass: when this file is opened, before it says what it says."""
    content = (tree.root / file).read_bytes()
    tree.remove(file)
    os.mkfifo(tree.root / file)

    def give() -> None:
        with open(tree.root / file, "wb") as pipe:
            act()
            pipe.write(content)

    giver = threading.Thread(target=give, daemon=True)
    giver.start()
    yield
    giver.join(60)
    tree.remove(file)
    tree.write(file, content)


def test_a_parent_that_was_never_seen_alive_leaves_an_orphan_all_the_same(
    tree: Tree, scanner: Scanner
) -> None:
    """The child is read while its parent lives; before its turn comes it has ended."""
    tree.process(10, parent=20)
    tree.process(20, state=b"Z", memory=False)
    with when_it_is_read(tree, "20/stat", lambda: tree.process(10, parent=1)):
        assert scanner.scan(now).processes[10].parent_pid == 1


def test_a_vfork_child_is_left_out_also_after_a_pass_that_broke_off(tree: Tree, scanner: Scanner) -> None:
    def check() -> None:
        os.closerange(3, 4096)
        tree.process(20, state=b"D")
        tree.process(30, parent=20)
        tree.process(40)
        tree.process(50)
        limit, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with when_it_is_read(tree, "40/stat", lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (4, hard))):
            assert not scanner.scan(now).complete
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        sample = scanner.scan(now)
        assert sample.complete
        assert list(sample.processes) == [1, 20, 40, 50]

    forked(check)


def test_nobody_sees_the_memory_of_others_but_not_their_layout() -> None:
    require(os.geteuid() == 0, "needs root, to become nobody")

    def check() -> None:
        parent = os.getppid()
        assert Scanner().scan(now).processes[parent].layout is not None
        become_nobody()
        seen = Scanner().scan(now).processes[parent]
        assert seen.layout is None
        assert seen.resident
        assert seen.swap is not None
        assert seen.argv

    forked(check)


def test_a_proc_that_hides_other_users_processes(tmp_path: Path) -> None:
    """hidepid=1: directories are listed, their files refused."""
    require(os.geteuid() == 0, "needs root, to mount a proc and become nobody")

    def check() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        private_and_recursive, new_mount_namespace = 0x44000, 0x20000
        assert libc.unshare(new_mount_namespace) == 0, os.strerror(ctypes.get_errno())
        assert libc.mount(b"none", b"/", None, private_and_recursive, None) == 0
        assert libc.mount(b"proc", bytes(tmp_path), b"proc", 0, b"hidepid=1,subset=pid") == 0
        os.chdir(tmp_path)
        become_nobody()
        sample = Scanner(".").scan(now)
        assert list(sample.processes) == [os.getpid()]
        assert sample.denied > 0
        assert sample.host.vmstat is None

    forked(check)


@pytest.mark.parametrize("broken", ["20/stat", "1"], ids=["refused", "left out"])
def test_a_sample_says_that_processes_are_hidden(tree: Tree, scanner: Scanner, broken: str) -> None:
    assert not scanner.scan(now).hides_processes
    tree.make_unreadable(broken) if broken != "1" else tree.remove(broken)
    assert scanner.scan(now).hides_processes


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("nothing", "nothing: not a proc file system: no such directory"),
        ("file", "file: Not a directory"),
        ("empty", "empty: not a proc file system: it has no readable PID/stat"),
    ],
)
def test_a_path_that_is_no_proc_is_refused(tmp_path: Path, path: str, complaint: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty" / "1").mkdir(parents=True)
    with pytest.raises(KernelFileError) as refusal:
        check_procfs(str(tmp_path / path))
    assert str(refusal.value) == f"{tmp_path}/{complaint}"


def test_the_real_proc_and_a_captured_one_are_accepted(tree: Tree) -> None:
    check_procfs("/proc")
    check_procfs(str(tree.root))
