"""What is healthy, and what feeds the watchdog, when samples or the disk fail for minutes."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.require import require
from tests.service import Service
from tests.system.waiting import wait_until

FREEZE = ("fsfreeze", "--freeze")
THAW = ("fsfreeze", "--unfreeze")


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_without_complete_samples_it_is_unhealthy_after_two_minutes_and_not_before(
    tmp_path: Path, ends: ExitStack
) -> None:
    procfs = tmp_path / "proc"
    procfs.symlink_to("/proc")
    service = Service(tmp_path, f"--path.procfs={procfs}")
    ends.callback(service.end)
    assert service.feedings(11) >= 2
    procfs.unlink()
    began, last = time.monotonic(), service.last_sample()
    time.sleep(80)
    assert service.ask("/-/healthy") == (200, "healthy\n")
    assert service.feedings(11) >= 2
    wait_until("it is unhealthy", lambda: service.ask("/-/healthy")[0] == 503)
    assert time.monotonic() - began > 115
    assert service.ask("/-/healthy")[1].startswith("not healthy: no complete sample for 12")
    time.sleep(5)
    assert service.feedings(11) == 0
    assert service.last_sample() - last < 3
    procfs.symlink_to("/proc")
    wait_until("it is healthy again", lambda: service.ask("/-/healthy")[0] == 200)
    assert service.feedings(11) >= 2
    assert service.last_sample() - last > 100
    logged = service.log.read_text()
    assert (
        logged.count('msg="not healthy, the watchdog is not fed"') == logged.count('msg="healthy again"') == 1
    )


@pytest.fixture
def disk(tmp_path: Path, ends: ExitStack) -> Path:
    """A file system that can be frozen: from then on a write waits until it thaws."""
    require(os.geteuid() == 0, "mounting a file system needs root")
    image, directory = tmp_path / "image", tmp_path / "disk"
    image.write_bytes(b"")
    os.truncate(image, 16 << 20)
    directory.mkdir()
    subprocess.run(["mkfs.ext4", "-q", image], check=True, timeout=60)
    mounted = subprocess.run(
        ["mount", "-o", "loop", image, directory], capture_output=True, text=True, timeout=60
    )
    require(mounted.returncode == 0, f"a loop device: {mounted.stderr}")
    ends.callback(subprocess.run, ["umount", directory], check=True, timeout=60)
    return directory


def test_a_disk_that_does_not_answer_keeps_no_sample_waiting(
    tmp_path: Path, disk: Path, ends: ExitStack
) -> None:
    state = disk / "state"
    service = Service(tmp_path, f"--state.file={state}")
    ends.callback(service.end)
    subprocess.run([*FREEZE, disk], check=True, timeout=60)
    try:
        time.sleep(65)  # a state is written every minute
        assert any(
            (task / "stat").read_text().rpartition(") ")[2][0] == "D"
            for task in Path(f"/proc/{service.process.pid}/task").iterdir()
        ), "no thread waits for the disk"
        assert time.time() - service.last_sample() < 5
        assert service.feedings(11) >= 2
        assert not state.exists()
    finally:
        subprocess.run([*THAW, disk], check=True, timeout=60)
    wait_until("the state is written", state.exists)
