"""Cgroups as several kernels and containers show them."""

from pathlib import Path

import pytest

from swap_exporter.details.cgroup_mounts import Hierarchy
from swap_exporter.details.cgroups import CgroupReader, Cgroups, CgroupSwap, Paths
from swap_exporter.kernel.errors import KernelFileError
from swap_exporter.kernel.pressure import Pressure

MIB = 1 << 20
PRESSURE = (
    "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
)
KERNELS = {
    "5.10": ("anon 4096\nfile 8192\ninactive_file 8192\npgfault 7\n", "high 0\nmax 1\nfail 2\n"),
    "6.1": ("anon 4096\ninactive_file 8192\nzswpin 3\nzswpout 4\n", "high 0\nmax 1\nfail 2\n"),
    "6.13": ("anon 4096\ninactive_file 8192\npswpin 5\npswpout 6\n", "high 0\nmax 1\nfail 2\n"),
}


class Machine:
    """A /proc and a /sys/fs/cgroup."""

    def __init__(self, root: Path) -> None:
        self.proc = root / "proc"
        self.cgroupfs = root / "cgroup"
        self.memberships("0::/")
        self.mounts()

    def memberships(self, *lines: str, of: str = "self") -> None:
        self.write(self.proc / of / "cgroup", "".join(f"{line}\n" for line in lines))

    def mounts(self, *lines: str) -> None:
        """ROOT PATH TYPE OPTIONS, the path below the cgroup file system."""
        text = "1 0 0:1 / / rw - ext4 /dev/sda rw\n"
        for root, path, kind, options in map(str.split, lines or ["/ . cgroup2 rw"]):
            text += f"2 1 0:2 {root} {(self.cgroupfs / path)} rw shared:9 - {kind} {kind} {options}\n"
        self.write(self.proc / "self/mountinfo", text)

    def v2(self, path: str, stat: str = KERNELS["6.13"][0], **files: object) -> None:
        """``memory_max=...`` for memory.max."""
        for name, content in {"memory_stat": stat.rstrip("\n"), **files}.items():
            self.write(self.cgroupfs / path / name.replace("_", "."), f"{content}\n")

    def v1(self, path: str, current: int, limit: int, total_inactive_file: int) -> None:
        directory = self.cgroupfs / "memory" / path
        self.write(directory / "memory.usage_in_bytes", f"{current}\n")
        self.write(directory / "memory.limit_in_bytes", f"{limit}\n")
        self.write(directory / "memory.stat", f"inactive_file 0\ntotal_inactive_file {total_inactive_file}\n")

    def write(self, path: Path, content: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def read(self, *processes: Paths) -> Cgroups:
        return CgroupReader(str(self.cgroupfs), str(self.proc)).read(processes)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_swap_of_a_cgroup(machine: Machine, kernel: str) -> None:
    stat, events = KERNELS[kernel]
    machine.v2(
        "system.slice/nginx.service",
        stat,
        memory_current=MIB,
        memory_max="max",
        memory_swap_current=4096,
        memory_swap_max=8192,
        memory_swap_events=events.rstrip("\n"),
        memory_pressure=PRESSURE.rstrip("\n"),
    )
    path = "/system.slice/nginx.service"
    read = machine.read((path,), (path,))
    assert read.path == {(path,): path}
    assert read.swap == {
        path: CgroupSwap(
            swap=4096,
            swap_limited=True,
            swap_limit=8192,
            swapin_pages=5 if kernel == "6.13" else None,
            swapout_pages=6 if kernel == "6.13" else None,
            events={"high": 0, "max": 1, "fail": 2},
            pressure=Pressure(2.5, 1e-6),
        )
    }
    assert read.headroom == {(path,): None}


def test_no_limit_is_not_an_unknown_limit(machine: Machine) -> None:
    machine.v2("a", memory_swap_max="max", memory_swap_current=0)
    machine.v2("b", memory_current=1)
    swap = machine.read(("/a",), ("/b",)).swap
    assert (swap["/a"].swap_limited, swap["/a"].swap_limit) == (False, None)
    assert (swap["/b"].swap_limited, swap["/b"].swap_limit) == (None, None)
    assert (swap["/a"].swap, swap["/b"].swap) == (0, None)


def test_what_is_broken_or_gone_is_none_and_nothing_else_is(machine: Machine) -> None:
    machine.v2("a", memory_swap_current="many", memory_swap_max="7", memory_pressure="?")
    read = machine.read(("/a",), ("/gone",))
    assert set(read.swap) == {"/a"}
    assert (read.swap["/a"].swap, read.swap["/a"].swap_limit, read.swap["/a"].pressure) == (None, 7, None)
    assert read.path == {("/a",): "/a"}
    assert read.headroom == {("/a",): None, ("/gone",): None}


@pytest.mark.parametrize(
    ("limits", "headroom"),
    [
        pytest.param({}, None, id="no limit anywhere"),
        pytest.param({"a/b/c": 100}, 100 - 60 + 8, id="its own"),
        pytest.param({"a": 90}, 90 - 60 + 8, id="the highest one's"),
        pytest.param({"a": 90, "a/b": 80, "a/b/c": 100}, 80 - 60 + 8, id="the least of several"),
        pytest.param({"a": 200, "a/b/c": 50}, 0, id="a limit set below what is there"),
        pytest.param({"other": 1}, None, id="not a neighbour's"),
    ],
)
def test_headroom_under_limits(machine: Machine, limits: dict[str, int], headroom: int | None) -> None:
    for path in ("a", "a/b", "a/b/c", "other"):
        limit = limits[path] * MIB if path in limits else "max"
        machine.v2(path, f"inactive_file {8 * MIB}\n", memory_current=60 * MIB, memory_max=limit)
    expected = None if headroom is None else headroom * MIB
    assert machine.read(("/a/b/c",)).headroom == {("/a/b/c",): expected}


def test_each_cgroup_is_read_once(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    from swap_exporter.kernel import files

    seen: list[str] = []
    read = files.read
    monkeypatch.setattr(files, "read", lambda path, *rest: seen.append(path) or read(path, *rest))  # type: ignore[func-returns-value]
    for path in ("a", "a/b", "a/c"):
        machine.v2(path, memory_current=60, memory_max=100)
    machine.read(("/a/b",), ("/a/c",), ("/a/b",), ("/a",))
    assert len(seen) == len(set(seen))


HYBRID = ("4:memory:/process", "1:name=systemd:/", "0::/")


def test_a_hybrid_machine_has_its_memory_in_v1(machine: Machine) -> None:
    machine.memberships(*HYBRID)
    machine.mounts("/ memory cgroup rw,memory", "/ systemd cgroup rw,name=systemd", "/ unified cgroup2 rw")
    machine.v1("", 70 * MIB, 9223372036854771712, 0)
    machine.v1("app", 60 * MIB, 80 * MIB, 8 * MIB)
    machine.v1("app/one", 50 * MIB, 9223372036854771712, 0)
    machine.write(machine.cgroupfs / "unified/svc/memory.pressure", PRESSURE)
    paths = ("/app/one", "/", "/svc")
    read = machine.read(paths, ("/other", "/", "/"))
    assert read.headroom == {paths: 28 * MIB, ("/other", "/", "/"): None}
    assert read.path == {paths: "/svc"}
    assert read.swap["/svc"].pressure == Pressure(2.5, 1e-6)
    assert read.swap["/svc"].swap is None


@pytest.mark.parametrize("hybrid", [False, True])
def test_without_mountinfo_the_usual_places_are_tried(machine: Machine, hybrid: bool) -> None:
    (machine.proc / "self/mountinfo").unlink()
    machine.memberships(*(HYBRID if hybrid else ("0::/",)))
    v2 = "unified" if hybrid else "."
    machine.write(machine.cgroupfs / v2 / "cgroup.controllers", "")
    machine.v2(f"{v2}/svc", memory_swap_current=7)
    paths: Paths = ("/svc",)
    if hybrid:
        machine.write(machine.cgroupfs / "memory/cgroup.procs", "")
        machine.v1("app", 60, 80, 8)
        paths = ("/app", "/", "/svc")
    read = machine.read(paths)
    assert read.swap["/svc"].swap == 7
    assert read.headroom == {paths: 28 if hybrid else None}


def test_in_the_proc_of_another_namespace_the_first_process_tells_the_hierarchies(machine: Machine) -> None:
    (machine.proc / "self/cgroup").unlink()
    machine.memberships("0::/init.scope", of="1")
    machine.v2("svc", memory_swap_current=7)
    assert machine.read(("/svc",)).swap["/svc"].swap == 7


@pytest.mark.parametrize(
    ("controllers", "missing"),
    [("cpu memory pids", None), ("cpu pids", "memory controller"), (None, "memory controller")],
    ids=["memory", "without memory", "unreadable"],
)
def test_version_2_is_there_whether_or_not_a_process_is_asked_for(
    machine: Machine, controllers: str | None, missing: str | None
) -> None:
    if controllers is not None:
        machine.write(machine.cgroupfs / "cgroup.controllers", f"{controllers}\n")
    machine.v2("svc", memory_max="max")
    for read in (machine.read(), machine.read(("/svc",))):
        assert (read.v2_problem is None) is (missing is None)
        assert missing is None or missing in str(read.v2_problem)


@pytest.mark.parametrize("hybrid", [False, True])
def test_version_1_says_how_to_get_version_2(machine: Machine, hybrid: bool) -> None:
    machine.memberships("4:memory:/", *(["0::/"] if hybrid else []))
    mounts = ["/ memory cgroup rw,memory", *(["/ unified cgroup2 rw"] if hybrid else [])]
    machine.mounts(*mounts)
    if hybrid:
        machine.write(machine.cgroupfs / "unified/cgroup.controllers", "\n")
    problem = machine.read().v2_problem
    assert problem is not None
    assert "systemd.unified_cgroup_hierarchy=1" in problem


def test_no_proc_no_hierarchies(tmp_path: Path) -> None:
    with pytest.raises(KernelFileError):
        CgroupReader(str(tmp_path), str(tmp_path)).read([])


def test_no_cgroup_file_system_no_figures(machine: Machine) -> None:
    (machine.proc / "self/mountinfo").write_text("1 0 0:1 / / rw - ext4 /dev/sda rw\n")
    assert machine.read(("/svc",)) == Cgroups({}, {}, {("/svc",): None})


@pytest.mark.parametrize(
    ("root", "path", "below"),
    [
        pytest.param("/", "/", [""], id="root"),
        pytest.param("/", "/a/b", ["/a/b", "/a", ""], id="the whole tree"),
        pytest.param("/a", "/a/b", ["/b", ""], id="a part of the tree"),
        pytest.param("/a", "/ab", None, id="a neighbour whose name begins alike"),
        pytest.param("/a", "/c", None, id="outside of the part"),
        pytest.param(
            "/../..", "/../../system.slice/x", ["/system.slice/x", "/system.slice", ""], id="the host's tree"
        ),
        pytest.param("/../..", "/../pod", None, id="the name of what is between is not known"),
        pytest.param("/../..", "/app", None, id="itself, below names not known"),
        pytest.param("/", "/../neighbour", None, id="outside of the namespace"),
        pytest.param("/", "/../../../etc", None, id="far outside"),
        pytest.param("/", "/a/../../etc", None, id="a path that climbs in the middle"),
        pytest.param("/", "a", None, id="not from the root"),
        pytest.param("/", "/a (deleted)", ["/a (deleted)", ""], id="gone, and harmless"),
    ],
)
def test_a_path_from_inside_a_namespace_never_leaves_the_mount(
    root: str, path: str, below: list[str] | None
) -> None:
    expected = None if below is None else tuple(f"/cg{name}" for name in below)
    assert Hierarchy("/cg", root, 0).lineage(path) == expected


def test_a_cgroup_outside_is_not_read(machine: Machine) -> None:
    machine.v2("../secret", memory_swap_current=7, memory_current=1, memory_max=2)
    read = machine.read(("/../secret",), ("/x/../../secret",))
    assert not read.swap
    assert set(read.headroom.values()) == {None}


def test_of_several_mounts_the_one_that_shows_most_is_used(machine: Machine) -> None:
    machine.mounts("/ . cgroup2 rw", "/../.. host cgroup2 rw")
    machine.v2("host/system.slice/x", memory_swap_current=7)
    read = machine.read(("/../../system.slice/x",))
    assert read.swap["/../../system.slice/x"].swap == 7
