"""Group names are what process-exporter, with Go's templates, would have printed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.grouping.username import username
from swap_exporter.sampling.sample import Process
from swap_exporter.settings.template import Template, TemplateContext, TemplateError, go_base, systemd_unit
from tests.making import process

CONTEXT = TemplateContext(
    boot_time=1_700_000_000, clock_ticks=100, username=lambda uid: {33: "www-data"}.get(uid, str(uid))
)
GUNICORN = process(4242)._replace(
    comm="gunicorn: worke",
    argv=("/srv/venv/bin/gunicorn", "shop:app"),
    start_ticks=12_345,
    cgroups=("/system.slice/shop.service", "/"),
)


def rendered(text: str, of: Process = GUNICORN, **matches: str) -> str:
    named = {"": "whole", **matches}
    return Template.parse(text, frozenset(matches)).render(of, named, CONTEXT)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{{.Comm}}", "gunicorn: worke"),
        ("{{.ExeBase}}", "gunicorn"),
        ("{{.ExeFull}}", "/srv/venv/bin/gunicorn"),
        ("{{.Username}}", "www-data"),
        ("{{.PID}}", "4242"),
        ("{{.StartTime}}", "2023-11-14 22:15:23.45 +0000 UTC"),
        ("{{.Cgroups}}", "[/system.slice/shop.service /]"),
        ("{{.Unit}}", "shop.service"),
        ("{{ .Comm }}|{{\t.PID\n}}", "gunicorn: worke|4242"),
        ("a }} b { {.Comm} %s", "a }} b { {.Comm} %s"),
        ("{{{.PID}}}", None),
        ("", ""),
    ],
)
def test_fields(text: str, name: str | None) -> None:
    if name is None:
        with pytest.raises(TemplateError):
            rendered(text)
    else:
        assert rendered(text) == name


def test_captures_by_name_and_as_go_prints_a_map() -> None:
    assert rendered("{{.Matches.app}}:{{ .Matches.worker }}", app="x", worker="") == "x:"
    assert rendered("{{.Matches}}", app="x", Z="y") == "map[:whole Z:y app:x]"
    assert Template.parse("{{.Matches}}", frozenset()).render(GUNICORN, {}, CONTEXT) == "map[]"


@pytest.mark.parametrize(
    ("ticks", "fraction"), [(0, ""), (100, ""), (1, ".01"), (10, ".1"), (99, ".99"), (250, ".5")]
)
def test_start_time_has_no_trailing_zeros(ticks: int, fraction: str) -> None:
    seconds = 20 + ticks // 100
    name = rendered("{{.StartTime}}", GUNICORN._replace(start_ticks=ticks))
    assert name == f"2023-11-14 22:13:{seconds}{fraction} +0000 UTC"


def test_without_argv_comm_stands_in_unshortened() -> None:
    kernel_thread = GUNICORN._replace(comm="kworker/0:1", argv=(), cgroups=None, effective_uid=None)
    assert rendered("{{.ExeBase}}|{{.ExeFull}}|{{.Cgroups}}|{{.Unit}}|{{.Username}}", kernel_thread) == (
        "kworker/0:1|kworker/0:1|[]||"
    )


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("", "."),
        ("/", "/"),
        ("///", "/"),
        ("a", "a"),
        ("/usr/bin/a", "a"),
        ("a/b//", "b"),
        (".", "."),
        ("..", ".."),
        ("nginx: worker process", "nginx: worker process"),
        ("php-fpm: master process (/etc/php/fpm.conf)", "fpm.conf)"),
    ],
)
def test_base_of_a_path_as_in_go(path: str, base: str) -> None:
    assert go_base(path) == base


@pytest.mark.parametrize(
    ("cgroups", "unit"),
    [
        (None, ""),
        (("/",), ""),
        (("/system.slice/php8.2-fpm.service",), "php8.2-fpm.service"),
        (("/user.slice/user-0.slice/user@0.service/app.slice/shop.service",), "shop.service"),
        (("/user.slice/user-0.slice/session-3.scope",), "session-3.scope"),
        (("/system.slice/a.service/payload",), "a.service"),
        (("/docker/4f", "/system.slice/docker.service", "/"), "docker.service"),
        (("/system.slice/old.service", "/system.slice/new.service"), "new.service"),
        (("/system.slice/system-getty.slice",), ""),
        ((r"/system.slice/dev\x2dmapper.mount",), r"dev\x2dmapper.mount"),
    ],
)
def test_unit_is_the_innermost_in_the_hierarchies_that_systemd_keeps(
    cgroups: tuple[str, ...] | None, unit: str
) -> None:
    assert systemd_unit(cgroups) == unit


FIELDS = "Cgroups, Comm, ExeBase, ExeFull, Matches, PID, StartTime, Unit, Username"


@pytest.mark.parametrize(
    ("text", "found", "offset"),
    [
        ("{{}}", "{{}}", 0),
        ("{{.}}", "{{.}}", 0),
        ("{{.Comm .PID}}", "{{.Comm .PID}}", 0),
        ("{{. Comm}}", "{{. Comm}}", 0),
        ("{{(.Comm)}}", "{{(.Comm)}}", 0),
        ("{{.Comm | html}}", "{{.Comm | html}}", 0),
        ('x{{printf "%s" .Comm}}', '{{printf "%s" .Comm}}', 1),
        ("{{if .Comm}}a{{end}}", "{{if .Comm}}", 0),
        ("{{- .Comm}}", "{{- .Comm}}", 0),
        ("{{.Comm -}}", "{{.Comm -}}", 0),
        ("{{/* note */}}", "{{/* note */}}", 0),
        ("{{$x :=\n .Comm}}", "{{$x := .Comm}}", 0),
        ("{{$.Comm}}", "{{$.Comm}}", 0),
        ('{{"text"}}', '{{"text"}}', 0),
        ("{{`text`}}", "{{`text`}}", 0),
        ("{{42}}", "{{42}}", 0),
        ("{{.StartTime.Unix}}", "{{.StartTime.Unix}}", 0),
        ("{{.Matches.app.x}}", "{{.Matches.app.x}}", 0),
    ],
)
def test_the_rest_of_gos_language_is_refused(text: str, found: str, offset: int) -> None:
    with pytest.raises(TemplateError) as raised:
        Template.parse(text, frozenset({"app"}))
    assert str(raised.value) == f"found {found}, expected a single field such as {{{{.Comm}}}}"
    assert raised.value.offset == offset


def test_a_field_that_does_not_end_is_refused() -> None:
    with pytest.raises(TemplateError, match=r"^{{ without }}$") as raised:
        Template.parse("a {{.Comm", frozenset())
    assert raised.value.offset == 2


@pytest.mark.parametrize(
    ("text", "captures", "message"),
    [
        ("{{.comm}}", (), "there is no field .comm, did you mean .Comm?"),
        ("{{.pid}}", (), "there is no field .pid, did you mean .PID?"),
        ("{{.ExeBse}}", (), "there is no field .ExeBse, did you mean .ExeBase?"),
        ("{{.match.app}}", ("app",), "there is no field .match, did you mean .Matches?"),
        ("{{.Foo.bar}}", (), f"there is no field .Foo, expected one of {FIELDS}"),
        (
            "{{.Matches.ap}}",
            ("pool", "app"),
            "no cmdline regex of the entry captures ap, did you mean app?",
        ),
        (
            "{{.Matches.app}}",
            (),
            "no cmdline regex of the entry captures app, there is no named group in them",
        ),
    ],
)
def test_fields_that_do_not_exist_are_refused(text: str, captures: tuple[str, ...], message: str) -> None:
    with pytest.raises(TemplateError) as raised:
        Template.parse(text, frozenset(captures))
    assert str(raised.value) == message


def test_tells_which_fields_it_uses() -> None:
    template = Template.parse("a{{.Matches.app}}{{.PID}}", frozenset({"app"}))
    assert template.fields == {"Matches", "PID"}
    assert not template.fixed
    assert Template.parse("postgres", frozenset()).fixed
    assert len({template, Template.parse("a{{.Matches.app}}{{.PID}}", frozenset({"app"}))}) == 1


PIECES = st.sampled_from(["{{", "}}", ".", "Comm", "Matches", "app", " ", "-", "|", "$", '"', "\n", "é", "1"])


@given(st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=12).map("".join), st.text())
def test_any_text_is_a_template_or_refused_on_one_line(text: str, captured: str) -> None:
    refused: TemplateError | None = None
    try:
        template = Template.parse(text, frozenset({"app"}))
        template.render(GUNICORN, {"": "", "app": captured}, CONTEXT)
    except TemplateError as error:
        refused = error
    if refused:
        assert len(str(refused).splitlines()) == 1
        assert text.startswith("{{", refused.offset)


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_fields_is_the_name_itself(text: str) -> None:
    assert rendered(text) == text


def test_names_of_users() -> None:
    assert username(0) == "root"
    assert username(4_000_000_000) == "4000000000"
    assert username(1 << 70) == str(1 << 70)
