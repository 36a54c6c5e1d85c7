"""A /proc that hides, lacks, refuses and garbles: there is an exposition all the same, and a true one."""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from swap_exporter import config
from swap_exporter.details.details import COLLECTORS as DETAILS
from swap_exporter.details.details import DetailsReader
from swap_exporter.exposition.render import families, render
from swap_exporter.kernel import files
from swap_exporter.pipeline import Pipeline
from swap_exporter.sampling.scan import Scanner
from swap_exporter.settings.template import TemplateContext
from tests.making import instant
from tests.reliability.conftest import Start
from tests.require import require
from tests.sampling.tree import Tree
from tests.system.delay_accounting import accounting
from tests.system.exporter import NOBODY, Exporter
from tests.system.waiting import wait_until

HIDDEN = ("unshare", "--mount", "/bin/sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$0" "$@"')
ITSELF = "process_names: [{name: itself, comm: [swap-exporter]}]\ncatalog: false\n"


@pytest.fixture(autouse=True)
def _root() -> None:
    require(os.geteuid() == 0, "mounting a proc and becoming nobody need root")


def test_hidepid_shows_nobody_but_itself_and_nothing_is_made_up(start: Start) -> None:
    exporter = start(Exporter(ITSELF, through=(*HIDDEN, *NOBODY)))
    scrape = exporter.scrape()
    assert scrape.value("swap_exporter_processes", result="scanned") == 1
    assert scrape.value("swap_exporter_processes", result="denied") == 0
    assert scrape.sum("swap_group_processes", group="itself") == 1
    assert scrape.get("swap_host_attributed_bytes", owner="ungrouped") is None
    assert scrape.get("swap_host_unattributed_bytes") is None
    assert scrape.value("swap_host_memory_bytes") > 0


def test_hidepid_hides_nothing_from_who_may_trace(start: Start) -> None:
    with ExitStack() as stack:
        for _ in range(4):
            stack.callback(stack.enter_context(subprocess.Popen(["sleep", "60"])).kill)
        scrape = start(Exporter(ITSELF, through=HIDDEN)).scrape()
    assert scrape.value("swap_exporter_processes", result="scanned") > 4
    assert scrape.value("swap_exporter_processes", result="denied") == 0
    assert scrape.value("swap_host_attributed_bytes", owner="ungrouped") >= 0
    assert scrape.value("swap_host_unattributed_bytes") >= 0


@pytest.mark.parametrize(("through", "capable"), [((), 1), (NOBODY, 0)], ids=["root", "nobody"])
def test_who_may_not_read_the_proportional_swap_of_others_knows_it(
    start: Start, through: tuple[str, ...], capable: int
) -> None:
    """Although nothing of the group lies in swap."""
    me = Path("/proc/self/comm").read_text().strip()
    exporter = start(Exporter(f"process_names: [{{name: tests, comm: [{me}]}}]", through=through))

    def told() -> bool:
        scrape = exporter.scrape()
        assert scrape.sum("swap_group_processes", group="tests") >= 1
        return scrape.value("swap_exporter_capability", capability="proportional_swap") == capable

    wait_until("the test is old enough not to be in exec", told)


def test_a_file_that_comes_byte_by_byte_is_read_to_its_end(tmp_path: Path) -> None:
    content = Path("/proc/self/status").read_bytes()
    os.mkfifo(tmp_path / "status")

    def trickle() -> None:
        with (tmp_path / "status").open("wb", buffering=0) as pipe:
            for byte in content:
                pipe.write(bytes((byte,)))

    writer = threading.Thread(target=trickle, daemon=True)
    writer.start()
    assert files.read(str(tmp_path / "status")) == content
    writer.join(60)


PIDS = (1, 20, 21, 30)
HOST_FILES = ("meminfo", "vmstat", "swaps", "pressure/memory", "sysvipc/shm")
FILES = (*HOST_FILES, *(f"{pid}/{file}" for pid in PIDS for file in ("stat", "status", "cmdline", "cgroup")))

digits = st.sampled_from([b"9" * 30, b"9" * 400, b"-9", b"1", b"20"])
faults = st.one_of(
    st.just(("missing", b"", 0)),
    st.just(("a directory", b"", 0)),
    st.just(("EIO", b"", 0)),
    st.tuples(st.just("cut"), st.just(b""), st.integers(0, 300)),
    st.tuples(st.just("spliced"), st.binary(max_size=12) | digits, st.integers(0, 300)),
    st.tuples(st.just("replaced"), st.binary(max_size=40), st.just(0)),
)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broken")


def break_file(tree: Tree, name: str, kind: str, piece: bytes, at: int) -> None:
    path = tree.root / name
    content = path.read_bytes()
    if kind == "missing":
        tree.remove(name)
    elif kind == "a directory":
        tree.make_unreadable(name)
    elif kind == "EIO":
        tree.remove(name)
        path.symlink_to("/proc/self/mem")  # nothing is mapped at 0
    elif kind == "cut":
        path.write_bytes(content[:at])
    elif kind == "spliced":
        path.write_bytes(content[: at % (len(content) + 1)] + piece + content[at:])
    else:
        path.write_bytes(piece)


def make(root: Path, cpu: int) -> Tree:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    tree = Tree(root)
    for pid in PIDS:
        tree.process(pid, parent=0 if pid == 1 else 1, cpu=cpu, cmdline=b"gunicorn: worker [shop]\0")
    return tree


def test_eio_is_what_the_broken_files_give(places: Path) -> None:
    tree = make(places / "eio", 1)
    break_file(tree, "20/stat", "EIO", b"", 0)
    with pytest.raises(OSError, match="Input/output error"):
        (tree.root / "20" / "stat").read_bytes()


def test_a_garbled_pid_costs_one_process_and_no_sample(places: Path) -> None:
    """``/proc/1/stat`` with the pid of another process, in the middle of a running exporter's samples."""
    root = places / "pid"
    tree = make(root, 1)
    times = iter(range(1000, 100_000, 2))

    def clock():  # type: ignore[no-untyped-def]
        return instant(next(times))

    configuration = config.load(None)
    reader = DetailsReader(str(root), str(root), configuration.proportional, clock, DETAILS - {"taskstats"})
    scanner = Scanner(str(root), str(root), cgroups=True)
    line = Pipeline(configuration, scanner, reader, TemplateContext(0, 100, str), clock)
    try:
        for garbled in (b"20", b"4194304", b"-1", b"9" * 400, b"1"):
            tree.write("1/stat", garbled + b" (" + (root / "1/stat").read_bytes().partition(b" (")[2])
            assessment = line.latest()
            assert assessment.sample.complete
            assert assessment.sample.denied == (garbled != b"1")
            assert set(assessment.sample.processes) - {1} == {20, 21, 30}
    finally:
        line.stop()


@pytest.mark.parametrize("file", ["20/stat", "20/status"])
def test_a_number_of_any_size_in_it_costs_one_process_and_no_sample(places: Path, file: str) -> None:
    root = places / "numbers"
    tree = make(root, 1)
    good = (root / file).read_bytes()
    configuration = config.load(None)
    for number in re.finditer(rb"(?<=\s)\d+", good):
        for digits in (b"9" * 30, b"9" * 400):
            tree.write(file, good[: number.start()] + digits + good[number.end() :])
            times = iter(range(1000, 100_000, 2))

            def clock(times=times):  # type: ignore[no-untyped-def]
                return instant(next(times))

            reader = DetailsReader(
                str(root), str(root), configuration.proportional, clock, DETAILS - {"taskstats"}
            )
            scanner = Scanner(str(root), str(root), cgroups=True)
            line = Pipeline(configuration, scanner, reader, TemplateContext(0, 100, str), clock)
            try:
                for _ in range(2):
                    assessment = line.latest()
                    assert assessment.sample.complete
                    assert {1, 21, 30} <= set(assessment.sample.processes)
                    render(families(assessment))
            finally:
                line.stop()


@pytest.mark.parametrize("grouped", [False, True], ids=["nothing grouped", "all grouped"])
@pytest.mark.parametrize(
    ("through", "options", "missing"),
    [
        ((), (), set()),
        (NOBODY, (), {"proportional_swap", "delay_accounting"}),
        (
            (),
            [f"--no-collector.{name}" for name in ("proportional", "taskstats", "cgroup", "pressure")],
            {"proportional_swap", "delay_accounting", "cgroup_v2", "pressure"},
        ),
    ],
    ids=["root", "nobody", "turned off"],
)
def test_capabilities_are_of_the_host_and_the_exporter_whatever_is_grouped(
    start: Start, grouped: bool, through: tuple[str, ...], options: Sequence[str], missing: set[str]
) -> None:
    entries = "[{name: all, cmdline: ['']}]" if grouped else "[]"
    with accounting(on=True):
        exporter = start(
            Exporter(
                f"process_names: {entries}\ncatalog: false\n",
                options=("--log.format=json", *options),
                through=through,
            )
        )
        scrape = exporter.scrape()
    of_host = {
        "cgroup_v2": any(
            "memory" in read_words(f"/sys/fs/cgroup/{mount}cgroup.controllers") for mount in ("", "unified/")
        ),
        "pressure": bool(read_words("/proc/pressure/memory")),
    }
    told = {of.labels["capability"]: of.value == 1 for of in scrape.matching("swap_exporter_capability")}
    assert told == {
        name: name not in missing and of_host.get(name, True)
        for name in ("proportional_swap", "delay_accounting", "cgroup_v2", "pressure")
    }
    lines = [json.loads(line) for line in exporter.stderr().splitlines()]
    logged = [line["capability"] for line in lines if line["msg"] == "a source is not available"]
    assert sorted(logged) == sorted(name for name, there in told.items() if not there)
    remedies = {line["capability"]: line["reason"] for line in lines if "capability" in line}
    if missing and not options:
        assert "CAP_SYS_PTRACE" in remedies["proportional_swap"]
        assert "CAP_NET_ADMIN" in remedies["delay_accounting"]
    if options:
        assert all("--no-collector." in reason for reason in remedies.values())


def read_words(path: str) -> list[str]:
    try:
        return Path(path).read_text().split()
    except OSError:
        return []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.sampled_from(FILES), faults, max_size=6), min_size=1, max_size=4))
def test_any_file_may_be_broken_in_any_way_at_any_sample(
    places: Path, breakages: list[dict[str, tuple[str, bytes, int]]]
) -> None:
    root = places / "proc"
    time = iter(range(1000, 100_000))
    configuration = config.load(None)

    def clock():  # type: ignore[no-untyped-def]
        return instant(next(time) * 1.5)

    reader = DetailsReader(str(root), str(root), configuration.proportional, clock, DETAILS - {"taskstats"})
    scanner = Scanner(str(root), str(root), cgroups=True)
    line = Pipeline(configuration, scanner, reader, TemplateContext(0, 100, str), clock)
    before: dict[tuple[str, ...], float] = {}
    try:
        for number, breakage in enumerate([{}, *breakages, {}]):
            tree = make(root, cpu=10 * number)
            for name, fault in breakage.items():
                break_file(tree, name, *fault)
            assessment = line.latest()
            text = render(families(assessment)).body.decode()
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    if sample.name.startswith("swap_group") and sample.name.endswith("_total"):
                        key = (sample.name, *sorted(sample.labels.values()))
                        assert sample.value >= before.get(key, 0)
                        before[key] = sample.value
            assert assessment.sample.complete
        assert len(assessment.sample.processes) == len(PIDS)
        assert not assessment.sample.denied
    finally:
        line.stop()
