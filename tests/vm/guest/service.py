"""Checks of the installed service, run by pytest as root inside the virtual machine: run.sh starts them."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError

import pytest

from tests.system import independent
from tests.system.exporter import Scrape
from tests.system.servers.server import http_get
from tests.system.waiting import wait_until

PORT = 10059
UNIT = "swap-exporter.service"
DROP_IN = Path(f"/etc/systemd/system/{UNIT}.d/test.conf")
DELAY_ACCOUNTING = Path("/mnt/deploy/systemd/swap-exporter.service.d/delay-accounting.conf")
DEFAULTS = Path("/etc/default/swap-exporter")
CONFIGURATION = Path("/etc/swap-exporter.yml")
SOON = "idle: {after: 5s, window: 5s}\ntick: 1s\nmin_sample_interval: 100ms\n"
SYS_PTRACE, NET_ADMIN = 1 << 19, 1 << 12  # linux/capability.h
INTRUDER = Path("/opt/swap-exporter/intruder.py")
INTRUSION = """\
import ctypes, errno, os, sys

libc = ctypes.CDLL(None, use_errno=True)
pid, address = int(sys.argv[1]), int(sys.argv[2], 16)
buffer = ctypes.create_string_buffer(8)
here = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
there = (ctypes.c_size_t * 2)(address, 8)


def outcome(number, *arguments):
    longs = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    failed = libc.syscall(number, *longs) == -1
    return errno.errorcode[ctypes.get_errno()] if failed else "done"


def open_memory():
    try:
        os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))
        return "done"
    except OSError as error:
        return errno.errorcode[error.errno]


with open(os.environ["STATE_DIRECTORY"] + "/intrusion", "w") as results:
    print("process_vm_readv", outcome(310, pid, here, 1, there, 1, 0), file=results)
    print("process_vm_writev", outcome(311, pid, here, 1, there, 1, 0), file=results)
    print("pidfd_getfd", outcome(438, os.pidfd_open(pid), 0, 0), file=results)
    print("ptrace", outcome(101, 0x4206, pid, 0, 0), file=results)  # PTRACE_SEIZE
    print("open", open_memory(), file=results)
"""
"""What an attacker in the service's process tries on another process. Numbers of x86-64: asm/unistd_64.h."""


def systemctl(*arguments: str) -> str:
    ran = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, f"systemctl {arguments}: {ran.stderr}{log()}"
    return ran.stdout


def log() -> str:
    """What the service and systemd said of it, newest last."""
    command = ["journalctl", f"--unit={UNIT}", "--no-pager", "--lines=40", "--output=cat"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300).stdout


def state(name: str) -> str:
    return systemctl("show", f"--property={name}", "--value", UNIT).strip()


def main_pid() -> int:
    return int(state("MainPID"))


def scrape() -> Scrape:
    try:
        return Scrape(http_get(PORT, "/metrics").decode())
    except URLError as error:
        raise AssertionError(f"no answer: {error}") from error


def cgroup(unit: str) -> Path:
    return Path(f"/sys/fs/cgroup/system.slice/{unit}")


def pids(unit: str) -> list[int]:
    return [int(line) for line in (cgroup(unit) / "cgroup.procs").read_text().split()]


def push_out(unit: str) -> None:
    """Have the kernel reclaim all of a unit's memory."""
    with suppress(BlockingIOError):  # EAGAIN: there was less to reclaim
        (cgroup(unit) / "memory.reclaim").write_text("1G")


def start(*arguments: str, drop_in: str = "", unit: str = UNIT) -> None:
    """Start the service, or its socket, with these ARGS and this addition to the service's unit."""
    systemctl("stop", "swap-exporter.socket", UNIT)
    DEFAULTS.write_text(f'ARGS="{" ".join(arguments)}"\n')
    DROP_IN.parent.mkdir(exist_ok=True)
    DROP_IN.write_text(drop_in)
    systemctl("daemon-reload")
    systemctl("reset-failed", UNIT)
    systemctl("start", unit)


@pytest.fixture
def service() -> None:
    """The service as it is installed, but for a configuration that needs less patience."""
    CONFIGURATION.write_text(SOON)
    start(f"--config.file={CONFIGURATION}")


def test_systemd_finds_nothing_wrong_with_the_units() -> None:
    units = ["/etc/systemd/system/swap-exporter.service", "/etc/systemd/system/swap-exporter.socket"]
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (verified.returncode, verified.stderr) == (0, "")


def test_it_starts_as_installed_and_answers_once_started() -> None:
    systemctl("enable", "--now", UNIT)
    assert state("StatusText") == f"serving on [::]:{PORT}"
    assert scrape().value("swap_group_processes", group="httpd", role="worker") > 0


def test_it_runs_as_a_user_of_its_own_with_one_capability(service: None) -> None:
    status = process_status()
    assert 61184 <= int(status["Uid"].split()[0]) <= 65519, "not in systemd's range for dynamic users"
    assert capabilities() == {SYS_PTRACE}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2", "no system call filter"


def process_status() -> Mapping[str, str]:
    lines = Path(f"/proc/{main_pid()}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines)


def capabilities() -> set[int]:
    """Its permitted, effective, bounding and ambient capabilities: one value where all are the same."""
    status = process_status()
    return {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")}


def test_the_drop_in_for_delay_accounting_adds_a_capability(delay_accounting: None) -> None:
    assert capabilities() == {SYS_PTRACE | NET_ADMIN}
    assert scrape().value("swap_exporter_capability", capability="delay_accounting") == 1


def test_the_sysctl_file_switches_delay_accounting_on() -> None:
    switch = Path("/proc/sys/kernel/task_delayacct")
    switch.write_text("0")
    try:
        systemctl("restart", "systemd-sysctl.service")
        assert switch.read_text() == "1\n"
    finally:
        switch.write_text("1")


def test_an_intruder_cannot_read_or_write_the_memory_of_root() -> None:
    """All of it works without the filter, because of CAP_SYS_PTRACE: only /proc/PID/mem has an owner."""
    sleeper = subprocess.Popen(["sleep", "infinity"])
    try:
        wait_until("it sleeps", lambda: Path(f"/proc/{sleeper.pid}/comm").read_text() == "sleep\n")
        unfiltered = intrude(sleeper.pid, "SystemCallFilter=\n")
        filtered = intrude(sleeper.pid)
    finally:
        sleeper.kill()
        sleeper.wait(60)
    calls = ("process_vm_readv", "process_vm_writev", "pidfd_getfd", "ptrace")
    assert unfiltered == {**dict.fromkeys(calls, "done"), "open": "EACCES"}
    assert filtered == {**dict.fromkeys(calls, "EPERM"), "open": "EACCES"}


def intrude(pid: int, setting: str = "") -> Mapping[str, str]:
    """What became of each attempt, made by a program that runs instead of the exporter in its unit."""
    # The stack, which stays writable from the start of the program on.
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    (address,) = (line.split("-")[0] for line in maps if line.endswith("[stack]"))
    INTRUDER.write_text(INTRUSION)
    command = f"/opt/swap-exporter/bin/python {INTRUDER} {pid} {address}"
    start(drop_in=f"[Service]\nType=oneshot\nRestart=no\nExecStart=\nExecStart={command}\n{setting}")
    results = Path("/var/lib/swap-exporter/intrusion").read_text().splitlines()
    return {line.split()[0]: line.split()[1] for line in results}


def test_it_can_write_only_its_state(service: None) -> None:
    pid, user = main_pid(), str(Path(f"/proc/{main_pid()}").stat().st_uid)
    enter = ["nsenter", f"--target={pid}", "--mount"]
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--inh-caps=-all"]
    where = [path for path in Path("/").iterdir() if path.name not in ("dev", "proc", "sys")]
    find = ["find", *where, "-type", "d", "-writable"]
    found = subprocess.run([*enter, *become, *find], capture_output=True, text=True, timeout=300)
    mounts = Path(f"/proc/{pid}/mountinfo").read_text()
    assert set(found.stdout.split()) == {"/var/lib/private/swap-exporter", "/tmp", "/var/tmp"}, mounts


@pytest.fixture
def delay_accounting() -> None:
    """The service with the drop-in for delay accounting."""
    CONFIGURATION.write_text(SOON)
    start(f"--config.file={CONFIGURATION}", drop_in=DELAY_ACCOUNTING.read_text())


def test_it_sees_all_processes_and_every_source(delay_accounting: None) -> None:
    scraped = scrape()
    assert scraped.value("swap_exporter_processes", result="denied") == 0
    assert scraped.value("swap_exporter_processes", result="scanned") > 50
    assert not [s for s in scraped.matching("swap_exporter_collector_success") if s.value != 1]
    assert {s.labels["capability"]: s.value for s in scraped.matching("swap_exporter_capability")} == {
        "proportional_swap": 1,
        "delay_accounting": 1,
        "cgroup_v2": 1,
        "pressure": 1,
    }


def test_its_own_pages_stay_out_of_swap(service: None) -> None:
    push_out(UNIT)
    assert independent.swap(main_pid()) == 0
    assert int((cgroup(UNIT) / "memory.swap.current").read_text()) == 0


@pytest.fixture
def pushed_out(service: None) -> Iterator[None]:
    """apache2 and php-fpm lie in swap; the memory is theirs again at the end."""
    units = ("apache2.service", php_fpm())
    for unit in units:
        push_out(unit)
    yield
    systemctl("restart", *units)


def php_fpm() -> str:
    """Debian names the unit after PHP's version."""
    return systemctl("list-units", "--plain", "--no-legend", "php*-fpm.service").split()[0]


def groups(unit: str) -> Sequence[str]:
    return ["httpd"] if unit == "apache2.service" else ["php-fpm", "php-fpm:www"]


def test_servers_that_were_pushed_out_show_in_swap(pushed_out: None) -> None:
    for unit in ("apache2.service", php_fpm()):
        wait_until(f"{unit} shows in swap", lambda unit=unit: agrees(unit))


def agrees(unit: str) -> bool:
    scraped = scrape()
    assert sum(scraped.sum("swap_group_swap_bytes", group=group) for group in groups(unit)) == (
        independent.swap(*pids(unit))
    )
    return independent.swap(*pids(unit)) > 1 << 20


def test_idle_workers_in_swap_are_told(pushed_out: None) -> None:
    CONFIGURATION.write_text(SOON + "swapped: {min_bytes: 64KiB, min_ratio: 0.1}\n")
    systemctl("reload", UNIT)

    def told() -> bool:
        return scrape().value("swap_group_idle_swapped_workers", group="php-fpm:www") > 0

    wait_until("php-fpm's idle workers in swap are told", told, deadline=120)


def test_proportional_swap_agrees_with_the_kernels(pushed_out: None) -> None:
    for unit in ("apache2.service", php_fpm()):

        def agrees(unit: str = unit) -> bool:
            scraped, kernel = scrape(), independent.proportional_swap(*pids(unit))
            told = sum(
                scraped.sum("swap_group_swap_proportional_bytes", group=group) for group in groups(unit)
            )
            assert told == pytest.approx(kernel, rel=0.02, abs=64 << 10)
            return kernel > 1 << 20

        wait_until(f"proportional swap of {unit} is told", agrees)


def test_cgroups_show_what_systemd_charges_them(pushed_out: None) -> None:
    for unit in ("apache2.service", php_fpm()):

        def agrees(unit: str = unit) -> bool:
            charged = int((cgroup(unit) / "memory.swap.current").read_text())
            (told,) = (
                s.value
                for s in scrape().matching("swap_cgroup_swap_bytes")
                if s.labels["cgroup"].endswith(unit)
            )
            return told == charged > 1 << 20

        wait_until(f"the cgroup of {unit} is told", agrees)


def test_it_comes_back_when_it_is_killed(service: None) -> None:
    before = main_pid()
    systemctl("kill", "--signal=KILL", UNIT)
    wait_until("another process serves", lambda: main_pid() not in (0, before) and scrape())
    assert state("NRestarts") == "1"


def test_it_remembers_over_a_restart(service: None) -> None:
    systemctl("restart", UNIT)
    assert "state restored" in log()


def test_a_reload_takes_the_new_configuration(service: None) -> None:
    before = main_pid()
    CONFIGURATION.write_text(SOON + "process_names: [{name: the-init, comm: [systemd]}]\n")
    systemctl("reload", UNIT)
    wait_until("the new group is there", lambda: scrape().sum("swap_group_processes", group="the-init") > 0)
    assert state("StatusText") == "configuration reloaded"
    assert main_pid() == before


def test_a_reload_of_nonsense_keeps_the_running_configuration(service: None) -> None:
    before = main_pid()
    CONFIGURATION.write_text("tock: 1s\n")
    systemctl("reload", UNIT)
    wait_until(
        "the reload is refused",
        lambda: scrape().value("swap_exporter_config_last_reload_successful") == 0,
    )
    assert state("StatusText").startswith("configuration not reloaded, the running one stays; ")
    assert (main_pid(), state("ActiveState")) == (before, "active")


def test_the_socket_starts_it_at_the_first_scrape() -> None:
    start("--web.systemd-socket", unit="swap-exporter.socket")
    assert state("ActiveState") == "inactive"
    assert scrape().value("swap_exporter_processes", result="scanned") > 0
    assert state("ActiveState") == "active"
    systemctl("restart", UNIT)
    assert scrape().value("swap_exporter_processes", result="scanned") > 0


def test_a_process_that_stands_still_is_replaced() -> None:
    start(drop_in="[Service]\nWatchdogSec=20s\n")
    before = main_pid()
    systemctl("kill", "--signal=STOP", UNIT)
    # The exporter has asked for two minutes, the least it needs.
    wait_until("systemd gives up on it", lambda: main_pid() not in (0, before) and scrape(), deadline=300)
    assert "watchdog" in log().lower()


def test_a_configuration_that_only_root_can_read_is_passed_on_by_systemd() -> None:
    CONFIGURATION.write_text("process_names: [{name: the-init, comm: [systemd]}]\n")
    CONFIGURATION.chmod(0o600)
    start(
        "--config.file=/run/credentials/swap-exporter.service/config.yml",
        drop_in=f"[Service]\nLoadCredential=config.yml:{CONFIGURATION}\n",
    )
    assert scrape().sum("swap_group_processes", group="the-init") > 0


def test_from_a_cgroup_namespace_of_its_own_services_are_told() -> None:
    """As in a Kubernetes pod, into which the host's /proc and /sys/fs/cgroup are brought."""
    systemctl("stop", UNIT)
    program = ["/opt/swap-exporter/bin/swap-exporter", f"--web.listen-address=:{PORT}"]
    pod = ["systemd-run", "--unit=pod", "--slice=kubepods.slice", "unshare", "--cgroup", "--mount"]
    subprocess.run([*pod, *program], check=True, timeout=300)
    try:
        told = wait_until("it answers", lambda: list(scrape().matching("swap_cgroup_swap_bytes")))
        assert [s for s in told if s.labels["cgroup"].endswith("/apache2.service")], told
    finally:
        systemctl("stop", "pod.service")
