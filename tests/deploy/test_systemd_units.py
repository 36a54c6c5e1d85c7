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


def test_systemd_finds_nothing_wrong(analyze: str, tmp_path: Path) -> None:
    for unit in UNITS:  # with a program that is there, for that is verified too
        (tmp_path / unit).write_text((FILES / unit).read_text().replace(PROGRAM, "/bin/true"))
    units = [str(tmp_path / unit) for unit in UNITS]
    verified = subprocess.run(
        [analyze, "verify", "--man=no", *units], capture_output=True, text=True, timeout=60
    )
    assert (verified.returncode, verified.stderr) == (0, "")


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
