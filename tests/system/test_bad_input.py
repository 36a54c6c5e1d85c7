"""What a person or a machine gives the program wrongly, or not at all: a clear line, and nothing is lost."""

import math
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import Request

import pytest

from tests.require import require
from tests.system.conftest import Start
from tests.system.exporter import BINARY, NOBODY, Exporter, Scrape, hurried_catalogue
from tests.system.servers.php_fpm import PhpFpm
from tests.system.servers.server import http_get, opener
from tests.system.waiting import wait_until

GOOD = (
    "process_names:\n  - {name: itself, comm: [swap-exporter]}\ncatalog: false\nmin_sample_interval: 100ms\n"
)
WITHOUT_ACCESS = (
    *("unshare", "--mount", "/bin/sh", "-c", 'mount -t proc -o hidepid=1 proc /proc && exec "$0" "$@"'),
    *NOBODY,
)


class Bad(NamedTuple):
    spoil: Callable[[Path], object]
    line: str
    """What is said after the name of the file."""


def _holding(content: bytes) -> Callable[[Path], object]:
    return lambda file: file.write_bytes(content)


def _directory(file: Path) -> None:
    file.unlink()
    file.mkdir(0o755)


CONFIGURATIONS = {
    "missing": Bad(Path.unlink, ": no such file or directory"),
    "a directory": Bad(_directory, ": is a directory"),
    "unreadable": Bad(lambda file: file.chmod(0), ": permission denied"),
    "not UTF-8": Bad(_holding(b"a: 1\nb: caf\xe9\n"), ":2:7: found the byte 0xe9, which is not UTF-8"),
    "malformed": Bad(_holding(b"process_names: [\n"), ":2:1: not valid YAML: "),
    "of a wrong type": Bad(_holding(b"tick: [15s]\n"), ":1:7: tick: found a list, expected "),
}


@pytest.fixture(autouse=True)
def _nobody_can_run_it(swap: None) -> None:
    tried = subprocess.run(
        [*NOBODY, BINARY, "--version"], capture_output=True, text=True, check=False, timeout=60
    )
    require(tried.returncode == 0, f"the user nobody cannot run {BINARY}: {tried.stderr.strip()}")


@pytest.mark.parametrize("kind", CONFIGURATIONS)
def test_a_bad_configuration_does_not_start_and_loses_nothing_when_reloaded(kind: str, start: Start) -> None:
    exporter = start(Exporter(GOOD, options=["--web.enable-lifecycle"], through=NOBODY))
    command, bad = exporter.argv(), CONFIGURATIONS[kind]

    bad.spoil(exporter.configuration)

    expected = f"{exporter.configuration}{bad.line}"
    started = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert started.returncode == 1
    assert started.stderr.startswith(f"swap-exporter: {expected}")
    assert started.stderr.count("\n") == 1
    assert started.stdout == ""

    with pytest.raises(HTTPError) as refused:
        reload(exporter)
    assert refused.value.code == 500
    answer = refused.value.read().decode()
    assert answer == "the running configuration stays; mistakes: 1, see the log\n"
    assert f'level=error msg="configuration not reloaded, the running one stays" error="{expected}' in (
        exporter.stderr()
    )
    scrape = exporter.scrape()
    assert scrape.value("swap_exporter_config_last_reload_successful") == 0
    assert scrape.sum("swap_group_processes", group="itself") >= 1

    if exporter.configuration.is_dir():
        exporter.configuration.rmdir()
    exporter.configuration.unlink(missing_ok=True)
    exporter.configuration.write_text(GOOD)
    assert reload(exporter) == b"reloaded\n"
    assert exporter.scrape().value("swap_exporter_config_last_reload_successful") == 1


def reload(exporter: Exporter) -> bytes:
    with opener.open(Request(f"http://127.0.0.1:{exporter.port}/-/reload", method="POST")) as answer:
        body: bytes = answer.read()
        return body


def test_a_machine_without_swap_has_zeros_and_no_division_by_them(start: Start, tmp_path: Path) -> None:
    server = start(PhpFpm({"shop": 2}))
    procfs = tmp_path / "proc"
    _capture_without_swap(procfs, server.pids())
    exporter = start(Exporter(hurried_catalogue(after=2, window=1), options=[f"--path.procfs={procfs}"]))

    def judged() -> Scrape:
        scrape = exporter.scrape()
        assert scrape.get("swap_group_idle_swapped_workers", group="php-fpm:shop") is not None
        assert scrape.get("swap_host_quiet") is not None
        return scrape

    scrape = wait_until("all is known", judged)

    for name in ("size", "free", "cached", "stranded", "swapin", "swapout"):
        suffix = "_bytes_per_second" if name.startswith("swap") else "_bytes"
        assert scrape.value(f"swap_host_{name}{suffix}") == 0
    assert scrape.value("swap_host_quiet") == 1
    assert not scrape.names() & {"swap_device_size_bytes", "swap_device_used_bytes"}
    assert (
        scrape.value("swap_group_workers", group="php-fpm:shop", activity="idle", residency="resident") == 2
    )
    for name in ("idle_swapped_workers", "idle_swapped_bytes", "displaced_bytes", "stranded_bytes"):
        assert scrape.value(f"swap_group_{name}", group="php-fpm:shop") == 0
    assert not [sample for sample in scrape.samples if not math.isfinite(sample.value)]
    assert b"php-fpm:shop" in http_get(exporter.port, "/")
    assert set(re.findall(r"level=(\w+)", exporter.stderr())) == {"info"}


def _capture_without_swap(procfs: Path, pids: list[int]) -> None:
    """What /proc shows now of the host and of these processes, with the host's swap as if it was off."""
    host = [
        "meminfo",
        "vmstat",
        "swaps",
        "stat",
        "pressure/memory",
        "sysvipc/shm",
        "sys/kernel/random/boot_id",
    ]
    own = [f"{pid}/{name}" for pid in pids for name in ("stat", "status", "cmdline", "cgroup", "schedstat")]
    for name in (*host, *own):
        if Path("/proc", name).exists():
            (procfs / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(f"/proc/{name}", procfs / name)
    meminfo, swaps = procfs / "meminfo", procfs / "swaps"
    meminfo.write_text(re.sub(r"(?m)^(Swap\w+:\s+)\d+", r"\g<1>0", meminfo.read_text()))
    swaps.write_text(swaps.read_text().splitlines(keepends=True)[0])


def test_what_an_unprivileged_exporter_may_not_read_is_absent(start: Start) -> None:
    start(PhpFpm({"shop": 2}))
    exporter = start(Exporter(through=WITHOUT_ACCESS))

    scrape = exporter.scrape()

    # It sees itself alone.
    assert scrape.value("swap_exporter_processes", result="scanned") == 1
    assert scrape.value("swap_exporter_processes", result="denied") > 3
    assert not [name for name in scrape.names() if name.startswith("swap_group_")]
    assert scrape.value("swap_host_memory_bytes") > 0
    assert scrape.get("swap_host_stranded_bytes") in (None, 0)


def test_an_unprivileged_exporter_sees_the_swap_of_other_users(start: Start) -> None:
    start(PhpFpm({"shop": 2}))
    exporter = start(Exporter(through=NOBODY))

    scrape = exporter.scrape()

    assert scrape.value("swap_group_processes", group="php-fpm:shop", role="worker") == 2
    assert scrape.value("swap_group_swap_bytes", group="php-fpm:shop", role="worker") >= 0
    assert scrape.value("swap_group_resident_bytes", group="php-fpm:shop", role="worker") > 0
