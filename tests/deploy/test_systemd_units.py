"""deploy/systemd, as far as it shows without systemd running: tests/vm boots the rest."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from swap_exporter.cli.flags import Options, parse
from tests.require import require

FILES = Path(__file__).parents[2] / "deploy" / "systemd"
UNITS = ("swap-exporter.service", "swap-exporter.socket")
PROGRAM = "/opt/swap-exporter/bin/swap-exporter"


@pytest.fixture
def analyze() -> str:
    program = shutil.which("systemd-analyze")
    require(program, "systemd-analyze (Debian: systemd)")
    return str(program)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A file system of systemd's own units, these, and the program: without the units of this machine."""
    installed = tmp_path / "etc/systemd/system"
    installed.mkdir(parents=True)
    for unit in UNITS:
        shutil.copy(FILES / unit, installed)
    targets = Path("/usr/lib/systemd/system")
    if not targets.exists():  # /usr not merged
        targets = Path("/lib/systemd/system")
    own = tmp_path / "usr/lib/systemd/system"
    own.mkdir(parents=True)
    for target in targets.glob("*.target"):
        shutil.copy(target, own)
    for program in re.findall(r"(?m)^Exec\w+=(/\S+)", (FILES / UNITS[0]).read_text()):
        (tmp_path / program[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/true", tmp_path / program[1:])
    return tmp_path


def verify(analyze: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [analyze, "verify", f"--root={root}", "--man=no", *UNITS], capture_output=True, text=True, timeout=60
    )


def test_systemd_finds_nothing_wrong(analyze: str, root: Path) -> None:
    verified = verify(analyze, root)
    assert (verified.returncode, verified.stderr) == (0, "")


def test_systemd_would_find_something_wrong(analyze: str, root: Path) -> None:
    with (root / "etc/systemd/system" / UNITS[0]).open("a") as unit:
        unit.write("\n[Service]\nNonsense=1\n")
    assert "Nonsense" in verify(analyze, root).stderr


def test_the_service_is_exposed_no_more_than_it_has_to_be(analyze: str) -> None:
    # In tenths, of ten: the two capabilities, the whole of /proc, netlink and the network are left.
    security = [analyze, "security", "--offline=true", "--threshold=20", "--no-pager"]
    judged = subprocess.run(
        [*security, FILES / "swap-exporter.service"], capture_output=True, text=True, timeout=60
    )
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_the_program_knows_its_flags() -> None:
    command = started().replace("$ARGS", "").replace("%S", "/var/lib")
    assert shlex.split(command)[0] == PROGRAM
    assert options(command.removeprefix(PROGRAM)).state_file == "/var/lib/swap-exporter/state"


def test_the_program_knows_the_flags_of_every_example() -> None:
    examples = re.findall(r'ARGS="(.*?)"', (FILES / "swap-exporter.default").read_text())
    assert len(examples) > 2
    assert any(options(arguments).systemd_socket for arguments in examples)


def started() -> str:
    (command,) = re.findall(r"(?m)^ExecStart=(.*)", (FILES / "swap-exporter.service").read_text())
    return str(command)


def options(arguments: str) -> Options:
    return parse(shlex.split(arguments))


def test_no_system_call_reaches_into_another_process(analyze: str) -> None:
    """With CAP_SYS_PTRACE these read and write any process, root's too; the virtual machine tries them."""
    calls = allowed(analyze)
    assert "openat" in calls
    assert not calls & {"ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "perf_event_open"}


def allowed(analyze: str) -> set[str]:
    """What SystemCallFilter= lets through: the first line allows, those with a tilde take away."""
    calls: set[str] = set()
    for line in re.findall(r"(?m)^SystemCallFilter=(.*)", (FILES / "swap-exporter.service").read_text()):
        names = expanded(analyze, line.removeprefix("~").split())
        calls = calls - names if line.startswith("~") else calls | names
    return calls


def expanded(analyze: str, names: list[str]) -> set[str]:
    """The calls of these sets, and these calls."""
    calls = {name for name in names if not name.startswith("@")}
    for group in set(names) - calls:
        printed = subprocess.run(
            [analyze, "syscall-filter", "--no-pager", group],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        members = [line.strip() for line in printed.stdout.splitlines()[1:]]
        calls |= expanded(analyze, [name for name in members if name and not name.startswith("#")])
    return calls


def test_the_unit_has_no_capability_that_delay_accounting_alone_needs() -> None:
    assert capabilities(FILES / "swap-exporter.service") == {"CAP_SYS_PTRACE"}


def test_the_drop_in_for_delay_accounting_has_its_capability_and_comes_with_the_sysctl() -> None:
    drop_in = FILES / "swap-exporter.service.d" / "delay-accounting.conf"
    assert capabilities(drop_in) == {"CAP_NET_ADMIN"}
    settings = [
        line for line in (FILES / "sysctl.d/swap-exporter.conf").read_text().splitlines() if line[0] != "#"
    ]
    assert settings == ["kernel.task_delayacct = 1"]
    assert "sysctl.d/swap-exporter.conf" in drop_in.read_text()


def capabilities(unit: Path) -> set[str]:
    """Granted and bounding, which must agree."""
    granted, bounding = (
        set(" ".join(re.findall(rf"(?m)^{key}=(.*)", unit.read_text())).split())
        for key in ("AmbientCapabilities", "CapabilityBoundingSet")
    )
    assert granted == bounding
    return granted
