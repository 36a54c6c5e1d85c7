"""Entries claim what process-exporter's selectors would have claimed."""

import os
import random
from pathlib import Path

import pytest

from swap_exporter.grouping.selectors import claim, explain
from swap_exporter.sampling.sample import Process
from swap_exporter.settings import Entry
from swap_exporter.settings.pattern import PatternError, compile_pattern
from swap_exporter.settings.template import Template
from tests.making import process


def entry(
    comm: tuple[str, ...] | None = None,
    exe: tuple[str, ...] | None = None,
    cmdline: tuple[str, ...] | None = None,
) -> Entry:
    return Entry(
        name=Template.parse("name", frozenset()),
        comm=None if comm is None else frozenset(comm),
        exe=exe,
        cmdline=None if cmdline is None else tuple(map(compile_pattern, cmdline)),
    )


PROMETHEUS = process()._replace(comm="prometheus", argv=("/usr/bin/prometheus", "--port", "9090"))
NO_ARGV = process()._replace(comm="kthreadd", argv=())

CLAIMED = [
    (entry(comm=("bash", "prometheus")), PROMETHEUS),
    (entry(exe=("prometheus",)), PROMETHEUS),
    (entry(exe=("/usr/bin/prometheus",)), PROMETHEUS),
    (entry(exe=("/usr/local/bin/prometheus", "/usr/bin/prometheus")), PROMETHEUS),
    (entry(exe=("/usr/bin/prometheus", "/usr/local/bin/prometheus")), PROMETHEUS),
    (entry(exe=("prometheus", "/opt/prometheus")), PROMETHEUS),
    (entry(cmdline=("--port 9090$", "^/usr/bin")), PROMETHEUS),
    (entry(cmdline=()), PROMETHEUS),
    (entry(comm=("prometheus",), exe=("prometheus",), cmdline=("9090",)), PROMETHEUS),
    (entry(comm=("kthreadd",)), NO_ARGV),
    (entry(cmdline=("^$",)), NO_ARGV),
    (entry(exe=(".",)), process()._replace(argv=("",))),
    (entry(exe=("/",)), process()._replace(argv=("/",))),
    (entry(exe=("a b",)), process()._replace(argv=("/x/a b",))),
]


@pytest.mark.parametrize(("by", "of"), CLAIMED)
def test_claimed(by: Entry, of: Process) -> None:
    assert claim(by, of) is not None
    assert explain(by, of) is None


NOT_CLAIMED = [
    (entry(comm=("prom",)), PROMETHEUS, "comm is 'prometheus', not one of 'prom'"),
    (entry(comm=()), PROMETHEUS, "comm is 'prometheus', not anything: the list is empty"),
    (
        entry(exe=("/opt/prometheus", "prom")),
        PROMETHEUS,
        "exe: argv[0] is '/usr/bin/prometheus', not one of '/opt/prometheus', 'prom'",
    ),
    (entry(exe=("kthreadd",)), NO_ARGV, "exe: there is no argv[0], not one of 'kthreadd'"),
    (
        entry(cmdline=("9090", "^prom")),
        PROMETHEUS,
        "cmdline[1] is not found in its title: ^prom",
    ),
    (entry(cmdline=(".+",)), NO_ARGV, "cmdline[0] is not found in its title: .+"),
    (
        entry(comm=("prometheus",), exe=("bash",), cmdline=("x",)),
        PROMETHEUS,
        "exe: argv[0] is '/usr/bin/prometheus', not one of 'bash'",
    ),
]


@pytest.mark.parametrize(("by", "of", "reason"), NOT_CLAIMED)
def test_not_claimed_and_why(by: Entry, of: Process, reason: str) -> None:
    assert claim(by, of) is None
    assert explain(by, of) == reason


@pytest.mark.parametrize(
    ("cmdline", "captures"),
    [
        ((r"--port (?P<port>\d+)",), {"": "--port 9090", "port": "9090"}),
        ((r"--port (\d+)",), {"": "9090"}),
        ((r"(p)(z)?",), {"": ""}),
        ((r"--(?P<option>\w+)", r"(?P<tail>\d)$"), {"": "0", "option": "port", "tail": "0"}),
        ((r"(?P<x>usr)", r"(?P<x>bin)"), {"": "bin", "x": "bin"}),
        ((r"(?P<none>zzz)?--(?P<option>\w+)",), {"": "--port", "none": "", "option": "port"}),
        ((), {}),
    ],
)
def test_captures_as_process_exporter_gathers_them(
    cmdline: tuple[str, ...], captures: dict[str, str]
) -> None:
    assert claim(entry(cmdline=cmdline), PROMETHEUS) == captures


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(a", "missing ): (a"),
        ("(?=a)", "invalid perl operator: (?="),
        (r"(a)\1", r"invalid escape sequence: \1"),
        (r"\Z", r"invalid escape sequence: \Z"),
        ("a{1001}", "invalid repetition size: {1001}"),
        (r"\pL{1000}", "pattern too large - compile failed"),
        ("(?P<a>x)(?P<a>y)", "the capture name a is used more than once"),
        ("\ud800", "not valid Unicode"),
    ],
)
def test_refused_patterns(pattern: str, message: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PatternError) as raised:
        compile_pattern(pattern)
    assert str(raised.value) == message
    assert capfd.readouterr() == ("", ""), "the library must not write past the log"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(?i)GUNICORN", "gunicorn"),
        (r"\Qa.b\E", "a.b"),
        (r"[[:alpha:]]+\d", "ab1"),
        (r"\p{Greek}", "λ"),
        (r"(?s)a.b", "a\nb"),
        (r"a.b", "a\ufffdb"),
        (r"[\pL\pN]{1,64}", "x"),
        (r"(?U)a+?$", "aa"),
        (r"\x{e9}", "é"),
    ],
)
def test_gos_syntax(pattern: str, text: str) -> None:
    assert compile_pattern(pattern).search(text)


def test_a_pattern_that_explodes_elsewhere_is_linear() -> None:
    claimed = claim(entry(cmdline=(r"^(a+)+(a+)+(a+)+$",)), process()._replace(argv=("a" * 100_000 + "!",)))
    assert claimed is None


def test_hostile_titles_cost_little_memory() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    titled = [rf"^gunicorn: (?:master|worker) \[(?P<app{n}>.+?)(?:\.\d+)?\]$" for n in range(25)]
    anywhere = [rf"(?i)(?:^|/)(?:server{n}|x.*y.{{20}}z)\s+(\S+)" for n in range(25)]
    patterns = [compile_pattern(pattern) for pattern in titled + anywhere]
    chance = random.Random(1)
    before = resident()
    for _ in range(30):
        title = "gunicorn: worker [" + "".join(
            chr(chance.choice((*b"xyz/ ", chance.randrange(33, 127), chance.randrange(160, 55_000))))
            for _ in range(3000)
        )
        for pattern in patterns:
            pattern.search(title)
    assert resident() - before < 20 << 20
