"""``tests/alone``, which keeps other processes of the machine out of the tests."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.require import require

ALONE = Path(__file__).with_name("alone")
MARK = f"9{os.getpid()}.5"


@pytest.fixture(autouse=True)
def _root() -> None:
    require(os.geteuid() == 0, "a pid namespace needs root")


def alone(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ALONE, *command], capture_output=True, text=True, timeout=60, check=False)


def test_no_other_process_is_seen_but_the_kernels_threads_can_be() -> None:
    count = (
        "import os\n"
        "for procfs in '/proc', os.environ['HOST_PROC']:\n"
        " print(sum(name.isdecimal() for name in os.listdir(procfs)))\n"
    )
    with subprocess.Popen(["sleep", "60"]) as foreign:
        ran = alone(sys.executable, "-c", count)
        foreign.kill()
    own, all_of_the_machine = map(int, ran.stdout.split())
    assert own == 2, "the shell that waits, and the command"
    assert all_of_the_machine > own


def test_all_that_it_started_ends_with_it_and_its_status_is_passed_on() -> None:
    ran = alone("sh", "-c", f'setsid sleep {MARK} & echo "$HOST_PROC"; exit 3')
    assert ran.returncode == 3
    assert not Path(ran.stdout.strip()).exists()
    assert not [p for p in psutil.process_iter(["cmdline"]) if MARK in (p.info["cmdline"] or ())]
