"""The whole exposition of a made-up host, byte for byte, and what must never be in one.

``UPDATE_GOLDEN=1 make test PYTEST_ARGS=tests/exposition`` writes the golden file anew; read the difference.
"""

import gzip
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector

from swap_exporter.assessment import assess
from swap_exporter.details.cgroups import Cgroups, CgroupSwap
from swap_exporter.details.details import Details
from swap_exporter.details.swap_pss_scheduler import Coverage
from swap_exporter.exposition.exporter import Reload
from swap_exporter.exposition.own import own_metrics
from swap_exporter.exposition.render import Renderer, families, render
from swap_exporter.grouping.roles import Role
from swap_exporter.history.history import History
from swap_exporter.history.swapin_latency import WakeCost
from swap_exporter.kernel.pressure import Pressure
from swap_exporter.kernel.swaps import SwapDevice
from swap_exporter.kernel.taskstats import TaskDelays
from swap_exporter.kernel.zram import Zram
from swap_exporter.sampling.host import Host
from swap_exporter.sampling.sample import CollectorRun
from swap_exporter.settings import Configuration
from tests.making import MIB, entry, grouping, host, instant, member, process, sample
from tests.require import require

GOLDEN = Path(__file__).with_name("golden.prom")
NO_WAKES = WakeCost()


def closer(second):
    """What a closer look with all privileges gives of the processes below."""
    figures = CgroupSwap(
        swap=150 * MIB,
        swap_limited=True,
        swap_limit=512 * MIB,
        swapin_pages=300,
        swapout_pages=90_000,
        events={"high": 0, "max": 2, "fail": 0},
        pressure=Pressure(waiting_seconds=0.5, stalled_seconds=None),
    )
    return Details(
        proportional_swap={(10, 100): 0, (11, 100): 25 * MIB, (12, 100): 10 * MIB},
        coverage=Coverage(read=1, kept=2, waiting=0, too_large=0, denied=0),
        delays={
            (pid, 100): TaskDelays(second * 10, second, second * 1_000_000, measured=True)
            for pid in (10, 11, 12)
        },
        cgroups=Cgroups(
            swap={"/system.slice/shop.service": figures},
            path={("/system.slice/shop.service",): "/system.slice/shop.service"},
            headroom={("/system.slice/shop.service",): 20 * MIB},
        ),
    )


def assessed(
    seconds=300, group="shop", of=None, swap=100 * MIB, read_details=lambda second: None, cost=NO_WAKES
):
    configuration = Configuration(entries=(entry("configured"),))
    history = History(configuration)
    for second in range(0, seconds + 1, 15):
        members = [
            member(process(10, cpu=second / 100, resident=9 * MIB), role=Role.MASTER, group=group),
            member(process(11, swap=swap, resident=3 * MIB, major_faults=second), group=group),
            member(process(12, cpu=second / 50, swap=40 * MIB, resident=70 * MIB), group=group),
        ]
        processes = [process(1, resident=MIB), *(each.process for each in members)]
        taken = sample(1000 + second, processes, of or host(pswpin=second))
        observation = history.observe(taken, grouping(members), read_details(second))
    return assess(replace(observation, wake_cost=cost), configuration)


def full_host():
    partial = host(pswpin=1024, pswpout=4096)
    return Host(
        meminfo=partial.meminfo._replace(zswap=2 * MIB, zswapped=6 * MIB),
        vmstat=partial.vmstat._replace(zswpin=10, zswpout=20),
        pressure=Pressure(waiting_seconds=1.5, stalled_seconds=0.25),
        swap_devices=(
            SwapDevice("/dev/dm-1", "partition", 8 << 30, 5 << 30, -2),
            SwapDevice('/swap "file"\\1', "file", 8 << 30, 0, -3),
        ),
        sysv_shm_swap=40 * MIB,
        zram={"zram0": Zram(stored=100 * MIB, pool=30 * MIB)},
    )


def test_the_whole_exposition():
    assessment = assessed(of=full_host(), read_details=closer, cost=WakeCost(0.0001, 0.00005, {"shop": 0.5}))
    runs = (
        CollectorRun("processes", True, 0.004, None),
        CollectorRun("vmstat", False, 0.001, "malformed"),
        CollectorRun("pressure", None, 0.001, "not there"),
    )
    assessment = replace(assessment, sample=replace(assessment.sample, collectors=runs))
    metrics = [
        family
        for family in families(assessment, Reload(successful=True, last_success=1_000_000.5))
        if family.name != "swap_exporter_build_info"
    ]
    text = render(iter(metrics)).body.decode()
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_promtool_finds_nothing_to_complain_about():
    require(shutil.which("promtool") is not None, "promtool is not installed (Debian: prometheus)")
    text = render(families(assessed(of=full_host()), Reload(True, 1.0))).body
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, check=False, timeout=60
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def values(assessment, with_history=True):
    text = render(families(assessment, with_history=with_history)).body.decode()
    return {
        (read.name, *sorted(read.labels.items())): read.value
        for family in parse_text(text)
        for read in family.samples
    }


def test_what_is_not_known_yet_has_no_series():
    early = {name for name, *_ in values(assessed(seconds=285))}
    late = {name for name, *_ in values(assessed(seconds=300))}
    assert late - early == {
        "swap_group_idle_swapped_workers",
        "swap_group_idle_swapped_bytes",
        "swap_group_idle_swapped_proportional_bytes",
        "swap_group_displaced_bytes",
        "swap_group_stranded_bytes",
        "swap_group_wake_bytes",
        "swap_group_longest_idle_since_timestamp_seconds",
        "swap_host_quiet",
        "swap_host_stranded_bytes",
    }


def test_what_cannot_be_read_has_no_series_and_no_zero():
    read = values(assessed(swap=None))
    assert ("swap_group_swap_bytes", ("group", "shop"), ("role", "worker")) not in read
    assert read["swap_group_swap_bytes", ("group", "shop"), ("role", "master")] == 0
    assert ("swap_group_worker_swap_max_bytes", ("group", "shop")) not in read


def test_a_role_without_processes_has_no_swapin_series():
    read = values(assessed(read_details=closer))
    for name in ("swap_group_swapin_bytes_total", "swap_group_swapin_bytes_per_second"):
        told = {labels[-1][1] for family, *labels in read if family == name}
        groups = {labels[0][1] for family, *labels in read if family == name}
        assert (groups, told) == ({"shop"}, {"master", "worker"})


def test_a_host_of_which_nothing_can_be_read_has_no_host_metrics():
    read = values(assessed(of=Host(None, None, None, None)))
    about_the_host = {name for name, *_ in read if name.startswith(("swap_host", "swap_device"))}
    assert about_the_host == {"swap_host_attributed_bytes"}  # which processes tell
    assert read["swap_group_idle_swapped_workers", ("group", "shop")] == 1
    assert ("swap_group_stranded_bytes", ("group", "shop")) not in read


def test_one_sample_alone_claims_nothing_that_needs_a_history():
    names = {name for name, *_ in values(assessed(), with_history=False)}
    assert "swap_group_swap_bytes" in names
    assert "swap_host_swapin_bytes_total" in names
    assert names.isdisjoint(
        {
            "swap_group_workers",
            "swap_group_idle_swapped_workers",
            "swap_group_cpu_seconds_total",
            "swap_host_quiet",
            "swap_host_stranded_bytes",
        }
    )


def test_a_configured_group_without_processes_is_zero_and_its_six_states_too():
    read = values(assessed())
    states = {key: value for key, value in read.items() if key[0] == "swap_group_workers"}
    assert len([key for key in states if ("group", "configured") in key]) == 6
    assert read["swap_group_idle_swapped_workers", ("group", "configured")] == 0
    assert ("swap_group_worker_swap_max_bytes", ("group", "configured")) not in read


@pytest.mark.parametrize(
    ("accept", "content_type", "parse"),
    [
        ("", "text/plain; version=0.0.4", parse_text),
        ("text/plain", "text/plain; version=0.0.4", parse_text),
        ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text", parse_openmetrics),
    ],
)
def test_the_format_is_the_one_that_the_scraper_asks_for(accept, content_type, parse):
    rendered = render(families(assessed()), accept)
    assert rendered.content_type.startswith(content_type)
    assert "swap_group_idle_swapped_workers" in {family.name for family in parse(rendered.body.decode())}


@pytest.mark.parametrize(
    ("accepts", "encoding"),
    [
        ("gzip", "gzip"),
        ("deflate, GZIP;q=0.5", "gzip"),
        ("gzip;q=0", None),
        ("gzip; q=0.0", None),
        ("gzip; Q=0", None),
        ("gzip ; q=0.000", None),
        ("br, gzip;x=0;Q=0", None),
        ("gzip; Q=0.001", "gzip"),
        ("gzip;q=1", "gzip"),
        ("identity", None),
        ("", None),
    ],
)
def test_a_body_is_compressed_only_for_clients_that_accept_gzip(accepts, encoding):
    plain = render(families(assessed()))
    rendered = render(families(assessed()), "", accepts)
    assert rendered.encoding == encoding
    body = gzip.decompress(rendered.body) if encoding else rendered.body
    assert body == plain.body


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/openmetrics-text;version=9.9.9", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=2.0.0", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=0.0.1", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=one", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=9.9.9", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=1.0.0;q=0", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text;version=9.9.9,application/openmetrics-text;version=1.0.0",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        (
            "application/openmetrics-text;version=9.9.9;version=1.0.0",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        (
            "Application/OpenMetrics-Text; Version=1.0.0; escaping=of-its-own",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
    ],
)
def test_the_content_type_names_the_version_that_follows(accept, content_type):
    rendered = render(families(assessed()), accept)
    assert rendered.content_type == content_type
    assert rendered.body.endswith(b"# EOF\n") == content_type.startswith("application/openmetrics-text")


FORMATS = [
    "",
    "text/plain;version=0.0.4;escaping=values",
    "text/plain;version=1.0.0;escaping=underscores",
    "text/plain;version=1.0.0;escaping=dots",
    "application/openmetrics-text",
    "application/openmetrics-text;version=1.0.0",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
    "application/openmetrics-text;version=1.0.0;escaping=underscores",
    "application/openmetrics-text;version=1.0.0;escaping=dots",
    "application/openmetrics-text;version=1.0.0;escaping=values",
]


class Given(Collector):
    def __init__(self, metrics):
        self._metrics = metrics

    def collect(self):
        return self._metrics


def family(name, documentation, values):
    made = GaugeMetricFamily(name, documentation, labels=["group"])
    for group, value in values.items():
        made.add_metric([group], value)
    return made


SCRAPES = st.lists(
    st.tuples(
        st.sampled_from(FORMATS),
        st.dictionaries(
            st.sampled_from(["swap_a", "swap_b", "swap_c_bytes"]),
            st.tuples(
                st.sampled_from(["Of one.", "Of\nanother \\."]),
                st.dictionaries(
                    st.sampled_from(["", "shop", 'a"\\\n']), st.sampled_from([0.0, 1.5, float("nan")])
                ),
            ),
        ),
    ),
    min_size=1,
    max_size=6,
)


@given(SCRAPES)
def test_an_encoded_family_is_reused_only_while_it_is_unchanged(scrapes):
    renderer = Renderer()
    for accept, told in scrapes:
        metrics = [family(name, *rest) for name, rest in told.items()]
        encode, content_type = choose_encoder(accept)
        rendered = renderer.render(iter(metrics), accept)
        assert rendered.body == encode(Given(metrics))
        assert rendered.content_type == content_type


class Counted(str):
    """A text that counts how often it was encoded: for that something in it is replaced."""

    encoded = 0

    def replace(self, *of):
        self.encoded += 1
        return super().replace(*of)


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text;version=1.0.0"])
def test_only_changed_families_are_encoded_again(accept):
    renderer = Renderer()
    resting, moving = Counted("Stays."), Counted("Changes.")
    for value in range(5):
        told = [
            family("swap_resting", resting, {"shop": 1.0}),
            family("swap_moving", moving, {"shop": value}),
        ]
        renderer.render(told, accept)
    assert resting.encoded * 5 == moving.encoded > 0


class Never:
    def __iter__(self):
        raise AssertionError("these families are of a sample that is there already")


def test_scrapes_of_one_sample_in_one_format_share_one_body():
    renderer = Renderer()
    asked = [(accept, encoding) for accept in FORMATS for encoding in ("", "gzip")]
    told = [family("swap_a", "Of one.", {"shop": 1.0})]
    first = {each: renderer.render(told, *each, of="sample") for each in asked[:1]}
    first |= {each: renderer.render(Never(), *each, of="sample") for each in asked[1:]}
    for each in asked:
        assert renderer.render(Never(), *each, of="sample").body is first[each].body
        assert first[each] == render(told, *each)
    # However a scraper names a format, it is one of six, plain or compressed.
    assert len({id(rendered.body) for rendered in first.values()}) <= 12
    other = [family("swap_a", "Of one.", {"shop": 2.0})]
    for each in asked:
        assert renderer.render(other, *each, of="other") == render(other, *each)


def test_formats_do_not_evict_each_other():
    renderer = Renderer()
    resting = Counted("Stays.")
    once = None
    for value in range(5):
        told = [
            family("swap_resting", resting, {"shop": 1.0}),
            family("swap_moving", "Changes.", {"shop": value}),
        ]
        for accept in FORMATS:
            renderer.render(told, accept, of=value)
        once = once or resting.encoded
        assert resting.encoded == once


def test_simultaneous_scrapes_get_the_format_that_each_asks_for():
    renderer = Renderer()

    def scrape(number):
        metrics = [
            family("swap_a", "Of all.", {"shop": 1.0}),
            family("swap_b", "One's.", {"shop": number % 3}),
        ]
        accept = FORMATS[number % len(FORMATS)]
        return renderer.render(metrics, accept) == render(metrics, accept)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(scrape, range(400)))


@pytest.mark.parametrize("accept", FORMATS)
def test_every_format_has_the_bytes_of_the_client_library(accept):
    metrics = [*families(assessed(of=full_host(), read_details=closer), Reload(True, 1.0)), *own_metrics()]
    encode, _ = choose_encoder(accept)
    assert render(metrics, accept).body == encode(Given(metrics))


@given(st.text(min_size=1))
def test_any_group_name_comes_back_as_it_is(group):
    encodable = group.encode(errors="replace").decode()
    for accept, parse in (("", parse_text), ("application/openmetrics-text", parse_openmetrics)):
        text = render(families(assessed(seconds=0, group=encodable)), accept).body.decode()
        found = {
            read.labels["group"]
            for family in parse(text)
            if family.name == "swap_group_processes"
            for read in family.samples
        }
        assert found == {encodable, "configured"}


def test_a_timestamp_stays_the_same_while_nothing_changes():
    history = History(Configuration())
    told = set()
    for second in range(0, 900, 15):
        jitter = second % 7 * 1e-5
        at = instant(1000 + second)._replace(wall=1_001_000 + second + jitter)
        members = [member(process())]
        observation = history.observe(sample(at, [members[0].process]), grouping(members))
        told.add(assess(observation, Configuration()).groups[0].longest_idle_since)
    assert told == {None, 1_001_000.0}


def capabilities(assessment):
    return {
        dict(labels)["capability"]
        for (name, *labels), value in values(assessment).items()
        if name == "swap_exporter_capability" and value
    }


def assessed_once(processes, details, members=(), of=None):
    observation = History(Configuration()).observe(sample(1000, processes, of), grouping(members), details)
    return assess(observation, Configuration())


INIT = process(1, resident=9 * MIB)
MINE = process(9, resident=9 * MIB)._replace(effective_uid=os.geteuid())
SHOWN = process(10, resident=9 * MIB)._replace(effective_uid=os.geteuid() + 1)
HIDDEN = process(11, resident=9 * MIB)._replace(effective_uid=os.geteuid() + 1, layout=None)
HIDDEN_INIT = INIT._replace(layout=None, effective_uid=os.geteuid())


@pytest.mark.parametrize(
    "grouped", [(), (MINE,), (SHOWN,), (HIDDEN,)], ids=["nothing", "mine", "shown", "hidden"]
)
@pytest.mark.parametrize(
    ("processes", "capable"),
    [
        ((INIT, MINE, SHOWN), True),
        ((INIT, MINE, SHOWN, HIDDEN), True),
        ((HIDDEN_INIT, MINE, SHOWN), True),
        ((INIT._replace(effective_uid=os.geteuid()), MINE), True),
        ((HIDDEN_INIT, MINE, HIDDEN), False),
        ((MINE,), False),
        ((MINE, SHOWN), True),
    ],
    ids=[
        "all shown",
        "one hidden by a security module",
        "init hidden",
        "alone",
        "unprivileged",
        "hidepid",
        "hidepid hides init alone",
    ],
)
def test_proportional_swap_is_a_capability_of_the_exporter_and_not_of_what_is_grouped(
    processes, capable, grouped
):
    members = [member(each) for each in grouped if each in processes]
    details = Details(coverage=Coverage(0, 0, 0, 0, denied=0))
    assert ("proportional_swap" in capabilities(assessed_once(processes, details, members))) is capable


def test_a_process_that_ended_or_execs_is_no_evidence_against_a_privilege():
    ended = HIDDEN._replace(resident=0)
    leader_ended = HIDDEN._replace(state="Z")
    execs = process(14, resident=9 * MIB, start=991)._replace(layout=None, effective_uid=os.geteuid() + 1)
    details = Details(coverage=Coverage(0, 0, 0, 0, denied=0))
    for each in (ended, leader_ended, execs):
        assessment = assessed_once([INIT._replace(effective_uid=os.geteuid()), each], details)
        assert "proportional_swap" in capabilities(assessment)


def test_cgroup_v2_is_a_capability_of_the_host_and_not_of_what_is_grouped():
    there = Details(cgroups=Cgroups(swap={}, path={}, headroom={}))
    missing = replace(there, cgroups=replace(there.cgroups, v2_problem="cgroup v1"))
    assert "cgroup_v2" in capabilities(assessed_once([], there))
    assert "cgroup_v2" not in capabilities(assessed_once([], missing))


def test_each_capability_has_a_series_and_a_reason_where_it_is_0():
    assessment = assessed_once([HIDDEN_INIT, HIDDEN], Details(), of=host())
    read = {
        dict(labels)["capability"]: value
        for (name, *labels), value in values(assessment).items()
        if name == "swap_exporter_capability"
    }
    assert read == dict.fromkeys(("proportional_swap", "delay_accounting", "cgroup_v2", "pressure"), 0)
    assert assessment.capabilities.keys() == read.keys()
    assert all(assessment.capabilities.values())
