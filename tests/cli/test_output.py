"""Where commands print: standard output, full or closed, and the file that ``once --output`` replaces."""

import os
import re
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.sampling.tree import Tree
from tests.system.exporter import Scrape

PROGRAM = [sys.executable, "-c", "import sys; from swap_exporter.cli import main; sys.exit(main())"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
SYSTEM_STAT = b"cpu  1 2 3\nbtime 1700000000\nprocesses 7\n"


@pytest.fixture
def procfs(tmp_path: Path) -> Path:
    root = tmp_path / "proc"
    tree = Tree(root)
    tree.write("stat", SYSTEM_STAT)
    tree.process(1, parent=0)
    return root


def run(
    *arguments: object, stdout: object = subprocess.PIPE, before=None
) -> subprocess.CompletedProcess[str]:  # type: ignore[no-untyped-def, type-arg]
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        preexec_fn=before,
        env=ENVIRONMENT,
        text=True,
        timeout=60,
        check=False,
    )


def commands(directory: Path) -> dict[str, list[str]]:
    good = directory / "good.yml"
    good.write_text("catalog: false\n")
    return {
        "once": ["once"],
        "report": ["report", "--interval=0.1"],
        "report --json": ["report", "--interval=0.1", "--json"],
        "explain": ["explain", str(os.getpid())],
        "catalog": ["catalog"],
        "check-config": ["check-config", str(good)],
        "--version": ["--version"],
        "--help": ["--help"],
        "once --help": ["once", "--help"],
    }


PRINTING = ["once", "report", "report --json", "explain", "catalog", "check-config"]


@pytest.mark.parametrize("command", [*PRINTING, "--version", "--help", "once --help"])
def test_a_full_standard_output_is_one_line_and_status_1(command: str, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        ended = run(*commands(tmp_path)[command], stdout=full)
    assert ended.returncode == 1
    assert ended.stderr == "swap-exporter: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize("command", PRINTING)
def test_a_closed_standard_output_is_one_line_and_status_1(command: str, tmp_path: Path) -> None:
    ended = run(*commands(tmp_path)[command], stdout=None, before=lambda: os.close(1))
    assert ended.returncode == 1
    assert ended.stderr == "swap-exporter: cannot write to standard output: it is closed\n"


def test_an_error_does_not_go_to_standard_output_where_standard_error_is_closed() -> None:
    ended = subprocess.run(
        [*PROGRAM, "once", "--config.file=nowhere.yml"],
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.close(2),
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, b"")


@pytest.mark.parametrize("command", [["once"], ["report", "--interval=0.1"], ["explain", "1"], ["serve"]])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"cpu 1 2\n", "expected a line 'btime SECONDS'"),
        (b"cpu 1\nbtime\n", "expected a line 'btime SECONDS'"),
        (b"cpu 1\nbtime soon\n", "expected a line 'btime SECONDS'"),
        (b"cpu 1\nbtime nan\n", "expected a line 'btime SECONDS'"),
        (b"cpu 1\nbtime 1e400\n", "expected a line 'btime SECONDS'"),
        (b"cpu 1\nbtime 99999999999999999999\n", "expected a line 'btime SECONDS'"),
    ],
    ids=["missing", "without a boot time", "without a number", "garbled", "no number", "infinite", "year"],
)
def test_a_procfs_without_a_boot_time_is_one_line_and_status_1(
    command: list[str], content: bytes | None, reason: str, procfs: Path
) -> None:
    (procfs / "stat").unlink()
    if content is not None:
        (procfs / "stat").write_bytes(content)
    ended = run(*command, f"--path.procfs={procfs}")
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"swap-exporter: --path.procfs: {procfs}/stat: {reason}")
    assert ended.stderr.count("\n") == 1


def test_start_times_count_from_the_boot_of_the_procfs_asked_for(procfs: Path, tmp_path: Path) -> None:
    """Another host's /proc, as a container mounts it, has its own btime."""
    configuration = tmp_path / "own.yml"
    configuration.write_text(
        'catalog: false\nprocess_names: [{name: "{{.Comm}} {{.StartTime}}", comm: [app]}]\n'
    )
    names: list[set[str]] = []
    for btime in (1_000_000_000, 1_600_000_000):
        (procfs / "stat").write_bytes(b"cpu  1 2 3\nbtime %d\nprocesses 7\n" % btime)
        ended = run("once", f"--path.procfs={procfs}", f"--config.file={configuration}")
        assert (ended.returncode, ended.stderr) == (0, "")
        names.append(set(re.findall(r'swap_group_processes\{group="[^"]* (\d{4}-\d\d)', ended.stdout)))
    assert names == [{"2001-09"}, {"2020-09"}]


class TestOutputFile:
    """``once --output``, as node_exporter's textfile collector needs it."""

    def test_it_is_a_whole_exposition_that_other_users_can_read(self, tmp_path: Path, procfs: Path) -> None:
        file = tmp_path / "swap.prom"
        ended = run(
            "once", f"--output={file}", f"--path.procfs={procfs}", before=lambda: os.umask(0o077) and None
        )
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
        assert stat.S_IMODE(file.stat().st_mode) == 0o644
        assert Scrape(file.read_text()).value("swap_host_memory_bytes") == 4096 << 10
        assert {path.name for path in tmp_path.iterdir()} == {"swap.prom", "proc"}

    def test_a_reader_sees_the_old_content_or_the_new(self, tmp_path: Path, procfs: Path) -> None:
        file, ended = tmp_path / "swap.prom", threading.Event()
        file.write_text("old\n")
        seen = set()

        def read() -> None:
            while not ended.is_set():
                seen.add(file.read_text())

        reader = threading.Thread(target=read)
        reader.start()
        try:
            assert run("once", "--output", file, f"--path.procfs={procfs}").returncode == 0
        finally:
            ended.set()
            reader.join(60)
        assert seen - {file.read_text()} <= {"old\n"}
        assert "old\n" in seen

    def test_a_link_stays_and_the_file_that_it_leads_to_is_replaced(
        self, tmp_path: Path, procfs: Path
    ) -> None:
        (tmp_path / "there").mkdir()
        (tmp_path / "swap.prom").symlink_to("there/swap.prom")
        assert run("once", "--output", tmp_path / "swap.prom", f"--path.procfs={procfs}").returncode == 0
        assert (tmp_path / "swap.prom").is_symlink()
        assert [path.name for path in (tmp_path / "there").iterdir()] == ["swap.prom"]

    @pytest.mark.parametrize(
        ("make", "reason"),
        [
            (Path.mkdir, "is a directory, expected a file to replace"),
            (os.mkfifo, "is not a regular file, expected a file to replace"),
            (lambda path: path.symlink_to("/dev/null"), "is not a regular file, expected a file to replace"),
            (lambda path: path.symlink_to(path), "cannot be written: "),
        ],
        ids=["a directory", "a pipe", "a device", "a loop of links"],
    )
    def test_what_is_not_a_file_is_refused_and_stays(self, make, reason: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
        file = tmp_path / "swap.prom"
        make(file)
        before = file.lstat()
        ended = run("once", "--output", file)
        assert ended.returncode == 1
        assert ended.stderr.startswith(f"swap-exporter: --output: {file}: {reason}")
        assert ended.stderr.count("\n") == 1
        assert (file.lstat().st_ino, file.lstat().st_mode) == (before.st_ino, before.st_mode)
        assert len(list(tmp_path.iterdir())) == 1

    def test_a_directory_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        ended = run("once", "--output", tmp_path / "nowhere" / "swap.prom")
        assert ended.returncode == 1
        assert ended.stderr == (
            f"swap-exporter: --output: {tmp_path}/nowhere/swap.prom: "
            "cannot be written: No such file or directory\n"
        )

    @pytest.mark.parametrize(
        ("arguments", "before", "reason"),
        [
            # Room for less than an exposition, as on a disk that runs full while it is written.
            ([], lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)), "File too large"),
            (["--path.procfs=/nowhere"], None, "no such directory"),
            (["--config.file=/nowhere"], None, "no such file or directory"),
        ],
        ids=["no room", "no /proc", "no configuration"],
    )
    def test_the_old_file_is_kept_on_any_failure(  # type: ignore[no-untyped-def]
        self, arguments: list[str], before, reason: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "swap.prom"
        file.write_text("old\n")
        ended = run("once", "--output", file, *arguments, before=before)
        assert ended.returncode == 1
        assert reason in ended.stderr
        assert ended.stderr.count("\n") == 1
        assert file.read_text() == "old\n"
        assert [path.name for path in tmp_path.iterdir()] == ["swap.prom"]

    def test_it_is_a_flag_of_once_alone(self) -> None:
        ended = run("report", "--output=swap.prom")
        assert ended.returncode == 2
        assert "unknown flag --output" in ended.stderr
