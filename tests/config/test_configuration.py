"""A configuration file becomes settings, or every mistake in it with its place."""

# ruff: noqa: E501 - tables have one case a line

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter import config
from swap_exporter.config import ConfigError, document
from swap_exporter.settings import Configuration, Idle, Limits, Proportional, Quiet, Swapped


def own(text: str) -> Configuration:
    """Without the catalogue."""
    return config.parse(f"{text}\ncatalog: false\n".encode(), "f")


def mistakes(text: str | bytes) -> list[str]:
    content = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(ConfigError) as raised:
        config.parse(content, "f")
    assert str(raised.value) == "\n".join(raised.value.mistakes)
    return list(raised.value.mistakes)


EVERY_KEY = r"""
process_names:
  - name: "gunicorn:{{.Matches.app}}"
    comm: [gunicorn]
    exe: [gunicorn, /srv/gunicorn]
    cmdline: ['\[(?P<app>\w+)\]', worker]
    idle: {after: 10m, cpu: 0.5, window: 90s}
    swapped: {min_bytes: 2MiB, min_ratio: 1}
    roles: {master: m, worker: w, auxiliary: a, auxiliary_threads: 1, auxiliary_first: true,
            worker_catches: SIGUSR2, auxiliary_catches: SIGINT, job_children: true}
  - exe: [redis]
    idle: {cpu: 1}
catalog: false
children: false
idle: {after: 1h30m, cpu: 0.25, window: 2m}
swapped: {min_bytes: 512KiB, min_ratio: 0}
quiet: {max_bytes_per_second: 0, window: 1d}
proportional: {share_of_time: 0.5, max_process_bytes: 1GB}
rate_window: 2m30s
forget: 2h
tick: 250ms
min_sample_interval: 2s
limits: {groups: 1, cgroups: 2, name_bytes: 64}
"""


def test_every_key() -> None:
    read = config.parse(EVERY_KEY.encode(), "my.yml")
    gunicorn, redis = read.entries
    assert gunicorn.name.text == "gunicorn:{{.Matches.app}}"
    assert gunicorn.comm == {"gunicorn"}
    assert gunicorn.exe == ("gunicorn", "/srv/gunicorn")
    assert [pattern.pattern for pattern in gunicorn.cmdline or ()] == [r"\[(?P<app>\w+)\]", "worker"]
    assert gunicorn.idle == Idle(600, 0.5, 90, cpu_is_exact=True)
    assert gunicorn.swapped == Swapped(2 << 20, 1)
    assert gunicorn.roles.master is not None
    assert gunicorn.roles.master.pattern == "m"
    assert gunicorn.roles.auxiliary_threads == 1
    assert (gunicorn.roles.worker_catches, gunicorn.roles.auxiliary_catches) == (12, 2)
    assert (gunicorn.roles.auxiliary_first, gunicorn.roles.job_children) == (True, True)
    assert (gunicorn.where, gunicorn.builtin) == ("my.yml:3", False)
    assert redis.name.text == "{{.ExeBase}}"
    assert (redis.comm, redis.cmdline) == (None, None)
    assert redis.idle == Idle(5400, 1, 120, cpu_is_exact=True), (
        "what an entry does not say comes from the top"
    )
    assert redis.swapped == Swapped(512 << 10, 0)
    assert redis.where == "my.yml:11"
    assert (read.children, read.idle) == (False, Idle(5400, 0.25, 120, cpu_is_exact=True))
    assert read.quiet == Quiet(0, 86400)
    assert read.proportional == Proportional(0.5, 10**9)
    assert (read.rate_window, read.tick, read.min_sample_interval) == (150, 0.25, 2)
    assert read.forget == 7200
    assert read.limits == Limits(1, 2, 64)


def test_without_libyaml_it_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = config.parse(EVERY_KEY.encode(), "f")
    monkeypatch.setattr(document, "Loader", yaml.SafeLoader)
    assert config.parse(EVERY_KEY.encode(), "f") == expected
    assert mistakes("tick: 5\nidle: {cpu: on}") == [
        f'f:1:7: tick: found "5", {DURATION}',
        'f:2:13: idle.cpu: found "on", expected a number above 0, at most 1',
    ]
    assert mistakes('tick: "\\UFFFFFFFF"')


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "process_names:",
        "process_names: []",
        "idle:\nswapped: ~\nquiet: null\nproportional: {}\nlimits: {}",
        "proportional: {max_process_bytes: null}",
        "proportional: {max_process_bytes: }",
    ],
)
def test_what_is_not_said_is_the_default(text: str) -> None:
    read = config.parse(text.encode(), "f")
    assert read == config.load(None)
    assert all(entry.builtin for entry in read.entries)
    assert read.idle == Idle()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("15s", 15),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d", 86400),
        ("'90s'", 90),
        ("1d1ms", 86400.001),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert own(f"rate_window: {text}").rate_window == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("1048576", 1 << 20),
        ("1B", 1),
        ("1kB", 1000),
        ("1KB", 1000),
        ("2KiB", 2048),
        ("1MB", 10**6),
        ("1MiB", 1 << 20),
        ("3GB", 3 * 10**9),
        ("1GiB", 1 << 30),
        ("1TB", 10**12),
        ("'1TiB'", 1 << 40),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert own(f"swapped: {{min_bytes: {text}}}").swapped.min_bytes == size


@pytest.mark.parametrize("text", ["true", "True", "TRUE"])
def test_truth(text: str) -> None:
    assert own(f"children: {text}").children is True


DURATION = "expected a duration such as 5m"
SIZE = "expected a number of bytes such as 1048576 or 1MiB"
SECTION = "expected a mapping with keys such as"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("children: on", 'f:1:11: children: found "on", expected true or false'),
        ("children: yes", 'f:1:11: children: found "yes", expected true or false'),
        ("children: 'true'", 'f:1:11: children: found the text "true", expected true or false'),
        ("children: tRUE", 'f:1:11: children: found "tRUE", expected true or false'),
        ("children: 1", 'f:1:11: children: found "1", expected true or false'),
        ("catalog:", "f:1:9: catalog: found nothing, expected true or false"),
        ("tick: 15", f'f:1:7: tick: found "15", {DURATION}'),
        ("tick: 5 minutes", f'f:1:7: tick: found "5 minutes", {DURATION}'),
        ("tick: 1:30", f'f:1:7: tick: found "1:30", {DURATION}'),
        ("tick: 1.5s", f'f:1:7: tick: found "1.5s", {DURATION}'),
        ("tick: 30s1m", f'f:1:7: tick: found "30s1m", {DURATION}'),
        ("tick: -1s", f'f:1:7: tick: found "-1s", {DURATION}'),
        ("tick: ''", f'f:1:7: tick: found the text "", {DURATION}'),
        ("tick: 0s", 'f:1:7: tick: found "0s", expected a duration above 0 such as 5m'),
        ("tick: 3m", 'f:1:7: tick: found "3m", expected a duration of at most 2m'),
        ("tick: 1h9999999999m", f'f:1:7: tick: found "1h9999999999m", {DURATION}'),
        ("tick: [5m]", f"f:1:7: tick: found a list, {DURATION}"),
        ("tick: {a: b}", f"f:1:7: tick: found a mapping, {DURATION}"),
        ("tick: !s 5m", f'f:1:7: tick: found "5m" with the tag "!s", {DURATION}'),
        ("rate_window: 999999999d", 'f:1:14: rate_window: found "999999999d", expected a duration of at most 366d'),
        ("forget: 0s", 'f:1:9: forget: found "0s", expected a duration above 0 such as 5m'),
        ("forget: never", 'f:1:9: forget: found "never", expected a duration such as 5m'),
        ("idle: {window: 7s}", 'f:1:16: idle.window: found "7s", expected a duration of at least 7.5s'),
        ("idle: {cpu: 0}", 'f:1:13: idle.cpu: found "0", expected a number above 0, at most 1'),
        ("idle: {cpu: 1.01}", 'f:1:13: idle.cpu: found "1.01", expected a number above 0, at most 1'),
        ("idle: {cpu: 5%}", 'f:1:13: idle.cpu: found "5%", expected a number above 0, at most 1'),
        ("swapped: {min_ratio: .5}", 'f:1:22: swapped.min_ratio: found ".5", expected a number from 0 to 1'),
        ("swapped: {min_ratio: '0.5'}", 'f:1:22: swapped.min_ratio: found the text "0.5", expected a number from 0 to 1'),
        ("swapped: {min_ratio: nan}", 'f:1:22: swapped.min_ratio: found "nan", expected a number from 0 to 1'),
        ("swapped: {min_bytes: 0}", f'f:1:22: swapped.min_bytes: found "0", {SIZE}, at least 1'),
        ("swapped: {min_bytes: 1 MiB}", f'f:1:22: swapped.min_bytes: found "1 MiB", {SIZE}'),
        ("swapped: {min_bytes: 1M}", f'f:1:22: swapped.min_bytes: found "1M", {SIZE}'),
        ("swapped: {min_bytes: 1mb}", f'f:1:22: swapped.min_bytes: found "1mb", {SIZE}'),
        ("swapped: {min_bytes: 012}", f'f:1:22: swapped.min_bytes: found "012", {SIZE}'),
        ("swapped: {min_bytes: 0x10}", f'f:1:22: swapped.min_bytes: found "0x10", {SIZE}'),
        ("swapped: {min_bytes: 1_000}", f'f:1:22: swapped.min_bytes: found "1_000", {SIZE}'),
        ("swapped: 1MiB", f'f:1:10: swapped: found "1MiB", {SECTION} min_bytes'),
        ("quiet: []", f"f:1:8: quiet: found a list, {SECTION} max_bytes_per_second"),
        ("limits: {groups: 0}", 'f:1:18: limits.groups: found "0", expected a whole number, at least 1'),
        ("limits: {groups: 1e3}", 'f:1:18: limits.groups: found "1e3", expected a whole number, at least 1'),
        ("limits: {groups: '5'}", 'f:1:18: limits.groups: found the text "5", expected a whole number, at least 1'),
        (f"limits: {{groups: {'9' * 17}}}", f'f:1:18: limits.groups: found "{"9" * 17}", expected a whole number, at least 1'),
        ("idel: {}", 'f:1:1: unknown key "idel", did you mean idle?'),
        ("idle: {afterr: 5m}", 'f:1:8: idle: unknown key "afterr", did you mean after?'),
        ("limits: {x: 1}", 'f:1:10: limits: unknown key "x", expected one of groups, cgroups, name_bytes'),
        ("tick: 5s\ntick: 6s", 'f:2:1: found the key "tick" again, it is already in line 1'),
        ("idle: {cpu: 0.1, cpu: 0.1}", 'f:1:18: idle: found the key "cpu" again, it is already in line 1'),
        ("[a]: b", "f:1:1: found a key that is not text, expected a name"),
        ("process_names: bash", 'f:1:16: process_names: found "bash", expected a list'),
        ("process_names: {a: b}", "f:1:16: process_names: found a mapping, expected a list"),
        ("process_names: [bash]", f'f:1:17: process_names[0]: found "bash", {SECTION} name'),
        ("process_names:\n-", f"f:2:2: process_names[0]: found nothing, {SECTION} name"),
        ("process_names: &p [*p]", f"f:1:16: process_names[0]: found a list, {SECTION} name"),
        ("process_names: !l []", 'f:1:16: process_names: found a list with the tag "!l", expected a list'),
    ],
)  # fmt: skip
def test_one_mistake_one_line(text: str, message: str) -> None:
    assert mistakes(text) == [message]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("name: x", "f:1:17: process_names[0]: found no selector, expected at least one of comm, exe and cmdline"),
        ("comm: bash", 'f:1:24: process_names[0].comm: found "bash", expected a list'),
        ("comm: [[a]]", "f:1:25: process_names[0].comm[0]: found a list, expected text"),
        ("comm: [a, ~]", 'f:1:28: process_names[0].comm[1]: found "~", expected text: in quotes if this is meant'),
        ("comm: [!!binary YQ==]", 'f:1:25: process_names[0].comm[0]: found "YQ==" with the tag "tag:yaml.org,2002:binary", expected text'),
        ("cmdline: ['(a']", "f:1:28: process_names[0].cmdline[0]: not a regular expression of RE2: "),
        ("comm: [a], roles: {worker: '*'}", "f:1:45: process_names[0].roles.worker: not a regular expression of RE2: "),
        ("comm: [a], roles: {auxiliary_threads: 0}", 'f:1:56: process_names[0].roles.auxiliary_threads: found "0", expected a whole number, at least 1'),
        ("comm: [a], roles: {worker_catches: SIGNAL}", 'f:1:53: process_names[0].roles.worker_catches: found "SIGNAL", expected the name of a signal such as SIGUSR1'),
        ("comm: [a], idle: {after: 5 minutes}", f'f:1:43: process_names[0].idle.after: found "5 minutes", {DURATION}'),
        ("comm: [a], names: b", 'f:1:29: process_names[0]: unknown key "names", did you mean name?'),
        ("comm: [a], name: [b]", "f:1:35: process_names[0].name: found a list, expected text"),
        ("comm: [a], name: 'a {{.Foo}}'", "f:1:38: process_names[0].name: there is no field .Foo, expected one of Cgroups, Comm, ExeBase, ExeFull, Matches, PID, StartTime, Unit, Username"),
        ("comm: [a], name: '{{.Matches.a}}'", "f:1:36: process_names[0].name: no cmdline regex of the entry captures a, there is no named group in them"),
        ("cmdline: ['(?P<b>.'], name: '{{.Matches.b}}'", "f:1:28: process_names[0].cmdline[0]: not a regular expression of RE2: "),
    ],
)  # fmt: skip
def test_one_mistake_in_an_entry(entry: str, message: str) -> None:
    (line,) = mistakes(f"process_names: [{{{entry}}}]")
    # What RE2 says of a pattern is its own.
    assert line == message or (message.endswith("RE2: ") and line.startswith(message) and line != message)


def test_all_mistakes_at_once_in_the_order_of_the_file() -> None:
    found = mistakes("tick: 1\nprocess_names:\n- comm: x\n  nmae: y\nfoo: bar\nchildren: no\n")
    assert [line.split(" ")[0] for line in found] == ["f:1:7:", "f:3:9:", "f:4:3:", "f:5:1:", "f:6:11:"]


def test_a_mistake_before_it_does_not_move_the_index_of_another() -> None:
    found = mistakes("process_names: [{cmdline: [~, '(']}]")
    assert ["cmdline[0]" in found[0], "cmdline[1]" in found[1]] == [True, True]


def test_what_was_found_stays_on_one_line_and_is_cut() -> None:
    (line,) = mistakes(r'tick: "a\nb\L\e[31m"')
    assert line == rf'f:1:7: tick: found the text "a\nb\u2028\x1b[31m", {DURATION}'
    (line,) = mistakes("tick: " + "x" * 1000)
    assert len(line) < 150


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text", f'f:1:1: found "text", {SECTION} process_names'),
        (b"~", f'f:1:1: found "~", {SECTION} process_names'),
        (b"- a", f"f:1:1: found a list, {SECTION} process_names"),
        (b"\xff\xfet\0", "f:1:1: found UTF-16, expected UTF-8"),
        (b"a: b\n\xc3\xa4c: \xe9", "f:2:5: found the byte 0xe9, which is not UTF-8"),
        (b"a: b\nc: d\0", "f:2:5: found the character U+0000, which YAML does not allow"),
        (b"a: \x07", "f:1:4: found the character U+0007, which YAML does not allow"),
        (b"tick: 5s\n---\ntick: 6s", "f:2:1: not valid YAML: found a second document, expected one"),
        (b"idle: &a {<<: *a}", "f:1:7: idle: found << with a mapping that contains itself"),
        (b"idle: {<<: [3]}", "f:1:13: idle: found << without a mapping to merge"),
        (b"[" * 500, "f:1:33: found more than 32 levels of nesting"),
        (b"{a: " * 500, "f:1:129: found more than 32 levels of nesting"),
        (b"- " * 500, "f:1:65: found more than 32 levels of nesting"),
    ],
)
def test_bad_files_as_a_whole(content: bytes, message: str) -> None:
    assert mistakes(content) == [message]


@pytest.mark.parametrize("opening", [b"[", b"{a: ", b"- "])
def test_nesting_that_would_exhaust_the_stack_is_one_line(opening: bytes) -> None:
    """Newer versions of libyaml stop by themselves, elsewhere and in other words."""
    (line,) = mistakes(opening * 1_000_000)
    assert re.fullmatch(r"f:1:\d+: (found|not valid YAML: ).+", line)


@pytest.mark.parametrize(
    "text", ["a: [", "a: b: c", "a:\n\t- b", "@a", "a: 'b", "%YAML 9\n---\na: b", "a: *x"]
)
def test_malformed_yaml_is_told_with_its_place(text: str) -> None:
    (line,) = mistakes(text)
    assert line.startswith(("f:1:", "f:2:"))
    assert ": not valid YAML: " in line


def test_a_byte_order_mark_of_utf_8_is_let_pass() -> None:
    assert config.parse("\ufeffchildren: false".encode(), "f").children is False


def test_text_stays_as_it_is_written() -> None:
    (entry,) = own(
        "process_names: [{comm: [on, 012, 1:30, 0x10, 1_000, 8080, 2001-01-01, =, 1.0, true]}]"
    ).entries
    assert entry.comm == {"on", "012", "1:30", "0x10", "1_000", "8080", "2001-01-01", "=", "1.0", "true"}
    (entry,) = own("process_names: [{exe: [8080], cmdline: [012], name: 007}]").entries
    assert (entry.exe, entry.name.text) == (("8080",), "007")
    assert entry.cmdline is not None
    assert entry.cmdline[0].pattern == "012"


def test_anchors_and_merges() -> None:
    first, second = own(
        "process_names:\n"
        "- &base {comm: [a], idle: &slow {after: 10m, window: 30s}, name: one}\n"
        "- {<<: *base, name: two, idle: {<<: [{cpu: 0.5}, *slow], after: 1m}}"
    ).entries
    assert (first.name.text, second.name.text) == ("one", "two")
    assert second.comm == {"a"}
    assert second.idle == Idle(60, 0.5, 30, cpu_is_exact=True)


def test_merges_cost_no_more_than_the_file_is_long() -> None:
    lines = ["process_names:", "- &e0 {comm: [a]}"]
    lines += [f"- &e{n} {{<<: [*e{n - 1}, *e{n - 1}]}}" for n in range(1, 31)]
    assert len(own("\n".join(lines)).entries) == 31
    lines += [f"- &e{n} {{<<: *e{n - 1}}}" for n in range(31, 3000)]
    assert mistakes("\n".join(lines))[0].endswith("found more than 32 mappings merged into one another")


README_EXAMPLES = [
    ("process_names:\n  - name: \"{{.Comm}}\"\n    cmdline:\n    - '.+'\n", ["{{.Comm}}"]),
    (
        """
process_names:
  # a comment
  - comm:
    - bash
  - exe:
    - postgres
    - /usr/local/bin/prometheus
  - name: "{{.ExeFull}}:{{.Matches.Cfgfile}}"
    exe:
    - /usr/local/bin/process-exporter
    cmdline:
    - -config.path\\s+(?P<Cfgfile>\\S+)
""",
        ["{{.ExeBase}}", "{{.ExeBase}}", "{{.ExeFull}}:{{.Matches.Cfgfile}}"],
    ),
    (
        """
process_names:
  - comm:
    - chromium-browse
    - gvim
  - exe:
    - /sbin/upstart
    cmdline:
    - --user
    name: upstart:-user
""",
        ["{{.ExeBase}}", "upstart:-user"],
    ),
    (
        """
process_names:
  - exe:
    - postmaster
    cmdline:
    - "-D\\\\s+.+?(?P<Path>[^/]+)(?:$|\\\\s)"
    name: "{{.ExeBase}}:{{.Matches.Path}}"
  - {exe: [sh], name: }
  - {exe: [sh], name: ""}
""",
        ["{{.ExeBase}}:{{.Matches.Path}}", "{{.ExeBase}}", "{{.ExeBase}}"],
    ),
]


@pytest.mark.parametrize(("text", "names"), README_EXAMPLES)
def test_process_exporters_files_are_read_as_they_are(text: str, names: list[str]) -> None:
    assert [entry.name.text for entry in own(text).entries] == names


def test_the_catalogue_comes_last_and_can_be_left_out() -> None:
    text = b"process_names: [{comm: [bash]}]\nidle: {after: 7m}\n"
    both = config.parse(text, "f")
    assert [entry.builtin for entry in both.entries] == [False] + [True] * (len(both.entries) - 1)
    assert len(both.entries) == 1 + len(config.load(None).entries)
    said = {entry.where for entry in config.load(None).entries if entry.idle.after != Idle().after}
    assert all(entry.idle.after == 420 for entry in both.entries if entry.where not in said)
    assert len(config.parse(text + b"catalog: false", "f").entries) == 1


def test_the_catalogue_is_a_configuration_of_entries_alone() -> None:
    alone = config.parse(config.catalog_text().encode(), "catalog.yaml", builtin=True)
    assert alone.entries == config.load(None).entries
    assert alone.entries
    with pytest.raises(ConfigError, match="unknown key"):
        config.parse(b"idle: {}", "catalog.yaml", builtin=True)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\xef\xbb\xbf", b"# only a comment\n", b"---\n", b"# one\n---\n# two\n...\n"]
)
def test_a_file_without_keys_means_the_catalogue(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "swap.yml"
    path.write_bytes(content)
    assert config.load(str(path)) == config.load(None)


def test_loading(tmp_path: Path) -> None:
    path = tmp_path / "swap.yml"
    path.write_text("children: false\n")
    assert config.load(str(path)).children is False
    path.write_text("children: on\n")
    with pytest.raises(ConfigError, match=f"^{path}:1:11: children: "):
        config.load(str(path))


@pytest.mark.parametrize("kind", ["missing", "directory", "unreadable", "fifo", "device", "no name"])
def test_what_cannot_be_read_as_a_file(kind: str, tmp_path: Path) -> None:
    path = str(tmp_path / "swap.yml")
    match kind:
        case "missing":
            expected = f"{path}: no such file or directory"
        case "directory":
            os.mkdir(path)
            expected = f"{path}: is a directory"
        case "unreadable":
            path = "/proc/self/mem"  # permissions do not stop root; this read fails for everybody
            expected = f"{path}: input/output error"
        case "fifo":
            os.mkfifo(path)
            expected = f"{path}: is not a regular file"
        case "device":
            path = "/dev/zero"
            expected = f"{path}: is not a regular file"
        case _:
            path = "a\0b"
            expected = "'a\\x00b': not a file name"
    with pytest.raises(ConfigError) as raised:
        config.load(path)
    assert raised.value.mistakes == (expected,)


KEYS = st.sampled_from(
    [
        "process_names",
        "comm",
        "exe",
        "cmdline",
        "name",
        "idle",
        "after",
        "cpu",
        "window",
        "roles",
        "worker",
        "swapped",
        "min_bytes",
        "tick",
        "limits",
        "<<",
    ]
)
SCALARS = st.one_of(
    st.text(max_size=5),
    st.sampled_from(
        ["5m", "1MiB", "on", "{{.Comm}}", "{{", "(", "(?P<a>x)", "~", "*a", "&a", "!x", "0", "1"]
    ),
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
        st.lists(st.tuples(KEYS, inner), max_size=3).map(
            lambda items: "&a {" + ", ".join(f"{key}: {value}" for key, value in items) + "}"
        ),
    ),
    max_leaves=10,
)


@given(st.one_of(st.binary(max_size=50), DOCUMENTS.map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_any_bytes_are_a_configuration_or_mistakes_of_one_line_each(content: bytes) -> None:
    found: tuple[str, ...] = ()
    try:
        config.parse(content, "f", builtin=True)
    except ConfigError as error:
        found = error.mistakes or ("no mistake at all",)
    assert all(len(line.splitlines()) == 1 and line.startswith("f:") for line in found)


def test_only_the_catalogue_says_what_idle_workers_use_at_least() -> None:
    with pytest.raises(ConfigError, match="unknown key"):
        config.parse(b"process_names: [{comm: [own], idle: {heartbeat: 0.001}}]\n", "my.yml")


def test_a_share_for_all_leaves_what_was_measured_in_the_catalogue() -> None:
    """``idle.cpu`` at the top is exact for the user's own entries; those of the catalogue go on learning."""
    read = config.parse(b"idle: {cpu: 0.02, after: 10m}\nprocess_names: [{comm: [own]}]\n", "my.yml")
    own, *catalogue = read.entries
    assert own.idle == Idle(600, 0.02, 60, cpu_is_exact=True)
    unchanged = config.load(None).entries
    assert [entry.idle for entry in catalogue] == [replace(entry.idle, after=600) for entry in unchanged]
    assert not any(entry.idle.cpu_is_exact for entry in catalogue)
