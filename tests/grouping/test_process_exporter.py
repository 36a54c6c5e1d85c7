"""The real process-exporter and this one name the same real processes alike, from the same file."""

import os
import re
import shutil
import socket
import subprocess
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from swap_exporter import config
from swap_exporter.grouping.selectors import claim
from swap_exporter.grouping.username import username
from swap_exporter.sampling.clock import now
from swap_exporter.sampling.sample import Process
from swap_exporter.sampling.scan import Scanner
from swap_exporter.settings.template import TemplateContext
from tests.require import require
from tests.system.waiting import wait_until

pytestmark = pytest.mark.system

REFERENCE = "prometheus-process-exporter"

# Only what has this in its command line is looked at: the machine runs other processes meanwhile. sleep takes
# several durations, so that the command line can hold more than one number.
MARK = "987654"

CONFIGURATION = rf"""
process_names:
  - {{name: "two:{{{{.Matches.n}}}}:{{{{.Matches.m}}}}", cmdline: [' {MARK}\.1(?P<n>\d)', '(?P<m>1\d)$']}}
  - {{name: "map:{{{{.Matches}}}}", cmdline: [' {MARK}\.2(?P<last>\d)(x)?']}}
  - {{name: "whole:{{{{.Matches}}}}", cmdline: [' (?P<z>{MARK})\.3(?P<A>\d)']}}
  - {{name: "{{{{.PID}}}}:{{{{.StartTime}}}}:{{{{.Cgroups}}}}:{{{{.Username}}}}", cmdline: [' {MARK}\.4']}}
  - {{name: "comm:{{{{ .Comm }}}}:{{{{.ExeBase}}}}:{{{{.ExeFull}}}}", cmdline: [' {MARK}\.5']}}
  - {{name: "both", comm: [sleep], exe: [nap], cmdline: [' {MARK}\.60']}}
  - {{name: "listed", exe: [doze, /opt/nap, nap], cmdline: [' {MARK}\.6']}}
  - {{name: "dot", exe: ['.'], cmdline: [' {MARK}\.7']}}
  - {{name: "octal", exe: [012, on, 1:30, 0x1F, 8080], cmdline: [' {MARK}\.8']}}
  - {{name: "no names", comm: [], cmdline: [' {MARK}\.9']}}
  - {{exe: [/bin/rest, sleep], cmdline: [' {MARK}\.']}}
"""

# argv[0], then the durations that sleep gets
UNCLAIMED = [
    ("x", f"{MARK}.7"),
    ("10", f"{MARK}.8"),
    ("rest", f"{MARK}.0"),
]
PROCESSES = [
    *UNCLAIMED,
    ("sleep", f"{MARK}.15", "12"),
    ("sleep", f"{MARK}.15", "22"),
    ("sleep", f"{MARK}.27"),
    ("sleep", f"{MARK}.35"),
    ("sleep", f"{MARK}.4"),
    ("sleep", f"{MARK}.4"),
    ("sleep", f"{MARK}.5"),
    ("/usr/bin/sleep", f"{MARK}.5"),
    ("/", f"{MARK}.5"),
    ("///", f"{MARK}.5"),
    ("a/b//", f"{MARK}.5"),
    ("", f"{MARK}.5"),
    (".", f"{MARK}.5"),
    ("server: worker [a/b c]", f"{MARK}.5"),
    ("zwölf", f"{MARK}.5"),
    ('quo"te\\', f"{MARK}.5"),
    ("nap", f"{MARK}.60"),
    ("doze", f"{MARK}.60"),
    ("nap", f"{MARK}.61"),
    ("/opt/nap", f"{MARK}.61"),
    ("/usr/doze", f"{MARK}.61"),
    ("", f"{MARK}.7"),
    ("./", f"{MARK}.7"),
    ("012", f"{MARK}.8"),
    ("/bin/on", f"{MARK}.8"),
    ("1:30", f"{MARK}.8"),
    ("0x1F", f"{MARK}.8"),
    ("8080", f"{MARK}.8"),
    ("sleep", f"{MARK}.9"),
    ("/bin/rest", f"{MARK}.0"),
    ("/sbin/sleep", f"{MARK}.0"),
]


@pytest.fixture
def pids(tmp_path: Path) -> Iterator[list[int]]:
    """Sleeping processes with odd names, one of them with an odd comm."""
    odd_comm = tmp_path / "o) d (d"
    shutil.copy("/bin/sleep", odd_comm)
    commands = [("/bin/sleep", argv) for argv in PROCESSES]
    commands.append((str(odd_comm), ("sleep", f"{MARK}.5")))
    running: list[subprocess.Popen[bytes]] = []
    try:
        for program, argv in commands:
            running.append(subprocess.Popen(argv, executable=program))
        yield [process.pid for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait(60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def reference_names(path: Path) -> Counter[str]:
    """How many processes process-exporter counts in each group."""
    address = f"127.0.0.1:{free_port()}"
    command = [
        REFERENCE,
        f"-config.path={path}",
        f"-web.listen-address={address}",
        "-children=false",
        "-threads=false",
        "-gather-smaps=false",
    ]

    def scrape() -> str:
        try:
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    with ExitStack() as stack:
        reference = stack.enter_context(
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )
        stack.callback(reference.terminate)
        exposition = wait_until("process-exporter answers", scrape)
    return Counter(
        {
            sample.labels["groupname"]: int(sample.value)
            for family in text_string_to_metric_families(exposition)
            for sample in family.samples
            if sample.name == "namedprocess_namegroup_num_procs" and sample.value
        }
    )


def own_names(path: Path, processes: list[Process]) -> Counter[str]:
    context = TemplateContext(int(psutil.boot_time()), os.sysconf("SC_CLK_TCK"), username)
    entries = [entry for entry in config.load(str(path)).entries if not entry.builtin]
    names: Counter[str] = Counter()
    for process in processes:
        for entry in entries:
            matches = claim(entry, process)
            if matches is not None:
                names[entry.name.render(process, matches, context)] += 1
                break
    return names


def test_same_names_for_the_same_processes(pids: list[int], tmp_path: Path) -> None:
    require(shutil.which(REFERENCE), f"needs Debian's package {REFERENCE}")
    path = tmp_path / "process-exporter.yml"
    path.write_text(CONFIGURATION)

    def executed() -> list[Process]:
        sample = Scanner(cgroups=True).scan(now)
        started = [sample.processes[pid] for pid in pids]
        assert all(re.search(MARK, process.title) for process in started)
        return started

    processes = wait_until("every process has exec'd", executed)
    names = own_names(path, processes)
    assert sum(names.values()) == len(pids) - len(UNCLAIMED)
    assert names == reference_names(path)
