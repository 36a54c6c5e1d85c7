"""The program from outside: real runs, what they print, how they end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.system.waiting import wait_until

PROGRAM = [sys.executable, "-c", "import sys; from swap_exporter.cli import main; sys.exit(main())"]


def run(*arguments, before=(), **rest):
    return subprocess.run(
        [*before, *PROGRAM, *arguments], capture_output=True, text=True, timeout=60, check=False, **rest
    )


@pytest.fixture
def served():
    """Start the daemon and wait until it says where it serves."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [*PROGRAM, "--web.listen-address=127.0.0.1:0", "--log.format=json", *arguments],
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        lines = []
        for line in process.stderr:
            lines.append(json.loads(line))
            if lines[-1]["msg"] == "serving":
                break
        assert lines, "it ended at once"
        return process, lines

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait(60)
        process.stderr.close()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--foo"], "unknown flag --foo; see swap-exporter --help"),
        (["--web.listen-adress=:1"], "unknown flag --web.listen-adress, did you mean --web.listen-address?"),
        (["--config.fil=x"], "unknown flag --config.fil, did you mean --config.file?"),
        (["once", "--web.listen-address=:1"], "once takes no flag --web.listen-address, only serve does"),
        (["--web.listen-address=:1", "once"], "once takes no flag --web.listen-address, only serve does"),
        (
            ["--web.telemetry-path=/metrics", "report"],
            "report takes no flag --web.telemetry-path, only serve",
        ),
        (
            ["--web.enable-lifecycle", "catalog"],
            "catalog takes no flag --web.enable-lifecycle, only serve does",
        ),
        (
            ["--web.max-requests=40", "explain", "1"],
            "explain takes no flag --web.max-requests, only serve does",
        ),
        (
            ["--path.procfs=/proc", "catalog", "--web.systemd-socket"],
            "catalog takes no flag --web.systemd-socket",
        ),
        (
            ["once", "--web.listen-adress=:1"],
            "unknown flag --web.listen-adress; see swap-exporter once --help",
        ),
        (["once", "--path.profs=/proc"], "unknown flag --path.profs, did you mean --path.procfs?"),
        (["report", "--fromm=http://x"], "unknown flag --fromm, did you mean --from?"),
        (["once", "--from=http://x"], "unknown flag --from; see swap-exporter once --help"),
        (
            ["serve", "--web.listen-adress=:1"],
            "unknown flag --web.listen-adress, did you mean --web.listen-address?",
        ),
        (["once", "two\nlines"], "unknown argument two\\nlines"),
        (["bogus"], "invalid choice: 'bogus'"),
        (["explain"], "the following arguments are required: PID"),
        (["explain", "abc"], 'found "abc", expected a whole number, at least 1'),
        (["--web.max-requests=-1"], 'found "-1", expected a whole number, at least 0'),
        (["--log.level=loud"], "invalid choice: 'loud'"),
        (["--web.telemetry-path=metrics"], 'found "metrics", expected a path such as /metrics'),
        (["--web.telemetry-path=/-/ready"], 'found "/-/ready", expected a path such as /metrics'),
        (["--web.telemetry-path=/api/workers"], 'found "/api/workers", expected a path such as /metrics'),
        (["--config.file"], "expected one argument"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(arguments, line):
    ended = run(*arguments)
    assert ended.returncode == 2
    assert line in ended.stderr
    assert ended.stderr.startswith("swap-exporter")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--config.file=nowhere.yml"], "nowhere.yml: no such file or directory"),
        (["--config.file=."], ".: is a directory"),
        (["--path.procfs=/tmp"], "--path.procfs: /tmp: not a proc file system"),
        (["--path.procfs=/nowhere"], "--path.procfs: /nowhere: not a proc file system"),
        (["--web.listen-address=nonsense"], "listen address 'nonsense' is malformed"),
        (["--web.config.file=/nowhere.yml"], "/nowhere.yml"),
        (["explain", "4194304"], "there is no process 4194304 in /proc"),
        (["once", "--path.procfs=/tmp"], "--path.procfs: /tmp: not a proc file system"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line_and_status_1(arguments, line):
    ended = run(*arguments)
    assert ended.returncode == 1
    assert line in ended.stderr
    assert ended.stderr.startswith("swap-exporter: ")
    assert ended.stderr.count("\n") == 1


def test_a_port_in_use_is_named():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        ended = run(f"--web.listen-address={address}")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == f"swap-exporter: listen address {address} is in use"


def test_version_and_help_go_to_standard_output():
    assert run("--version").stdout.startswith("swap-exporter 0.")
    shown = run("--help")
    assert shown.returncode == 0
    for flag in ("--config.file", "--web.listen-address", "--path.procfs", "--state.file", "--log.level"):
        assert flag in shown.stdout


@pytest.mark.parametrize("command", ["serve", "report", "explain", "once", "check-config", "catalog"])
def test_each_command_has_its_help(command):
    shown = run(command, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"usage: swap-exporter {command} " in shown.stdout
    assert "--path.procfs DIR" in shown.stdout
    assert "default: /proc" in shown.stdout


def test_check_config_prints_every_mistake(tmp_path):
    (tmp_path / "bad.yml").write_text("tick: 5 minutes\nchildren: on\nbogus: 1\n")
    ended = run("check-config", "bad.yml", cwd=tmp_path)
    assert ended.returncode == 1
    assert [line.split(": ")[0] for line in ended.stderr.splitlines()] == [
        "bad.yml:1:7",
        "bad.yml:2:11",
        "bad.yml:3:1",
    ]


@pytest.mark.parametrize("content", ["", "# nothing yet\n"])
def test_check_config_accepts_a_file_without_keys(content, tmp_path):
    (tmp_path / "own.yml").write_text(content)
    ended = run("check-config", "own.yml", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("own.yml: ok, 0 entries and ")


def test_check_config_is_content_with_the_catalogue_itself(tmp_path):
    printed = run("catalog").stdout
    assert "{cpu: 0.005, window: 60s}" in printed, "and no heartbeat, which a file of one's own may not set"
    (tmp_path / "catalog.yml").write_text(printed)
    ended = run("check-config", "catalog.yml", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("catalog.yml: ok, ")


def test_a_reader_that_goes_away_gets_no_traceback():
    for command in ("catalog", "once"):
        process = subprocess.Popen(
            [*PROGRAM, command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        process.stdout.close()
        assert process.stderr.read() == ""
        process.wait(60)
        process.stderr.close()


def test_once_prints_one_exposition():
    ended = run("once")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "swap_host_memory_bytes" in ended.stdout
    assert "swap_group_idle_swapped_workers" not in ended.stdout


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(served, ending):
    process, _ = served()
    process.send_signal(ending)
    assert process.wait(30) == 0
    assert [json.loads(line)["msg"] for line in process.stderr] == ["ending", "ended"]


def process_state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def test_it_survives_a_stop_that_lasts_longer_than_its_wait(served, tmp_path):
    """SIGSTOP, a frozen cgroup. Several times, for what is left of a tick is never the same."""
    (tmp_path / "own.yml").write_text("tick: 1s\n")
    process, _ = served(f"--config.file={tmp_path / 'own.yml'}")
    for _ in range(3):
        process.send_signal(signal.SIGSTOP)
        wait_until("it is stopped", lambda: process_state(process.pid) == "T")
        time.sleep(1.5)
        process.send_signal(signal.SIGCONT)
        time.sleep(0.5)
        assert process.poll() is None, process.stderr.read()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert [json.loads(line)["msg"] for line in process.stderr] == ["ending", "ended"]


def test_a_signal_that_comes_while_it_is_stopped_ends_it(served):
    process, _ = served()
    process.send_signal(signal.SIGSTOP)
    wait_until("it is stopped", lambda: process_state(process.pid) == "T")
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    assert process.wait(30) == 0


def test_a_storm_of_reloads_hides_no_end(served, tmp_path):
    """More signals than the wakeup descriptor has room for."""
    (tmp_path / "own.yml").write_text("catalog: false\n")
    process, _ = served(f"--config.file={tmp_path / 'own.yml'}")
    for _ in range(2000):
        process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    rest = [json.loads(line)["msg"] for line in process.stderr]
    assert process.wait(30) == 0
    assert rest[-2:] == ["ending", "ended"]


def test_it_is_quiet_while_nothing_happens(served, tmp_path):
    (tmp_path / "own.yml").write_text("tick: 100ms\nidle: {window: 1s}\n")
    process, lines = served(f"--config.file={tmp_path / 'own.yml'}")
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    rest = [json.loads(line)["msg"] for line in process.stderr]
    # What this kernel or these privileges do not give is said once, at the start.
    assert {line["msg"] for line in lines} <= {"a source is not available", "serving"}
    assert rest == ["ending", "ended"]


def test_sighup_reads_the_configuration_again_and_a_bad_one_changes_nothing(served, tmp_path):
    file = tmp_path / "own.yml"
    file.write_text("process_names:\n  - {name: one, comm: [one]}\ncatalog: false\n")
    process, _ = served(f"--config.file={file}")
    file.write_text("process_names: 5\n")
    process.send_signal(signal.SIGHUP)
    refused = json.loads(process.stderr.readline())
    file.write_text("catalog: false\n")
    process.send_signal(signal.SIGHUP)
    taken = json.loads(process.stderr.readline())
    assert refused["level"] == "error"
    assert refused["error"].startswith(f"{file}:1:16: process_names")
    assert (taken["msg"], taken["entries"]) == ("configuration reloaded", 0)


def test_the_state_file_is_written_at_the_end_and_read_at_the_start(served, tmp_path):
    state = tmp_path / "state"
    process, lines = served(f"--state.file={state}")
    assert lines[0]["msg"] == "starting without a state"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert state.exists()
    process, lines = served(f"--state.file={state}")
    assert "state restored" in [line["msg"] for line in lines]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: re.sub(r'"at":\[[^,]*', '"at":[Infinity', text),
        lambda text: re.sub(r'"at":\[[^,]*', '"at":[1e400', text),
        lambda text: re.sub(r'"at":\[[^,]*', '"at":[1' + "0" * 400, text),
    ],
    ids=["Infinity", "1e400", "10**400"],
)
def test_a_state_file_with_numbers_beyond_all_bounds_is_one_line_in_the_log(served, tmp_path, spoil):
    state = tmp_path / "state"
    process, _ = served(f"--state.file={state}")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    good = state.read_text()
    assert spoil(good) != good
    state.write_text(spoil(good))
    process, lines = served(f"--state.file={state}")
    (left_aside,) = [line for line in lines if line["msg"] == "starting without a state"]
    assert left_aside["reason"].startswith(
        f"{state}: is not a state file that this version wrote: at: found "
    )


def test_a_state_file_that_is_a_pipe_is_one_line_in_the_log(served, tmp_path):
    os.mkfifo(tmp_path / "state")
    _, lines = served(f"--state.file={tmp_path / 'state'}")
    (left_aside,) = [line for line in lines if line["msg"] == "starting without a state"]
    assert left_aside["reason"] == f"{tmp_path}/state: is not a regular file"


def test_a_state_file_that_cannot_be_written_is_one_warning_and_no_failure(served):
    process, _ = served("--state.file=/nowhere/state")
    process.send_signal(signal.SIGTERM)
    rest = [json.loads(line) for line in process.stderr]
    assert process.wait(30) == 0
    assert [line["msg"] for line in rest] == ["ending", "state not saved", "ended"]
    assert rest[1]["reason"] == "/nowhere/state: cannot be written: No such file or directory"


def test_a_wheel_brings_what_it_needs():
    """The catalogue and the typing marker are part of the package."""
    import swap_exporter

    package = Path(swap_exporter.__file__).parent
    assert (package / "py.typed").exists()
    assert (package / "grouping" / "catalog.yaml").exists()
