"""The page for people: what its sentence says of which host, and that names stay text."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swap_exporter.assessment import Assessment, assess, of_the_host_alone
from swap_exporter.details.details import Details
from swap_exporter.details.swap_pss_scheduler import Coverage
from swap_exporter.grouping.grouping import Grouping, Member, by_name
from swap_exporter.grouping.roles import Role
from swap_exporter.history.history import History
from swap_exporter.kernel.meminfo import Meminfo
from swap_exporter.kernel.taskstats import TaskDelays
from swap_exporter.kernel.vmstat import Vmstat
from swap_exporter.page.landing import HEADERS, landing_page
from swap_exporter.sampling.host import Host
from swap_exporter.sampling.sample import Process
from swap_exporter.settings import Configuration, Idle
from swap_exporter.summary.sentence import sentence
from tests.making import MIB, entry, member, process, sample
from tests.page.page import Page

GIB = 1 << 30
DASH = "\N{EN DASH}"
ALL_SWAP_PSS = Coverage(read=0, kept=0, waiting=0, too_large=0, denied=0)


def the_host(
    used: float = 10.7 * GIB, of: int = 16 * GIB, available: int | None = 12 * GIB, **moved: int
) -> Host:
    """So many bytes of swap used, and pages moved by now: pswpin, pswpout."""
    return Host(
        meminfo=Meminfo(64 * GIB, available, of, of - int(used), 0, None, None),
        vmstat=Vmstat(moved.get("pswpin", 0), moved.get("pswpout", 0), None, None, None, None, None),
        pressure=None,
        swap_devices=None,
        sysv_shm_swap=int(0.2 * GIB),
    )


def workers(
    number: int, group: str = "gunicorn:shop", swap: int | None = 1000 * MIB, first_pid: int = 100
) -> list[Member]:
    """Of a pre-fork server; with its master where there are several."""
    masters = [member(process(first_pid - 1, swap=0), role=Role.MASTER, group=group)] if number > 1 else []
    return masters + [
        member(process(first_pid + i, swap=swap, resident=5 * MIB), group=group) for i in range(number)
    ]


def assessed(
    members: Sequence[Member] = (),
    ungrouped: Sequence[Process] = (),
    host: Host | None = None,
    *,
    minutes: float = 10,
    each_second: Mapping[str, int] | None = None,
    shared: Mapping[int, int] | None = None,
    read_back: Mapping[int, int] | None = None,
    faults: Mapping[int, int] | None = None,
    configured: Sequence[str] = (),
) -> Assessment:
    """After so many minutes in which the host moved so many pages a second.

    By pid: ``shared`` gives SwapPss, ``read_back`` and ``faults`` the pages that a process read
    back a second, and its major faults.
    """
    configuration = Configuration(entries=tuple(map(entry, configured)))
    history = History(configuration)
    of = host or the_host()
    processes = [*(each.process for each in members), *ungrouped]
    for second in range(0, int(minutes * 60) + 1, 15):
        moved = {name: pages * second for name, pages in (each_second or {}).items()}
        vmstat = of.vmstat._replace(**moved) if of.vmstat else None
        details = Details(
            proportional_swap={each.identity: (shared or {}).get(each.pid, 0) for each in processes}
            if shared is not None
            else {},
            coverage=ALL_SWAP_PSS,
            delays={
                each.identity: TaskDelays(read_back.get(each.pid, 0) * second, 0, 0, measured=True)
                for each in processes
            }
            if read_back is not None
            else None,
        )
        faulting = {
            each.pid: each._replace(major_faults=(faults or {}).get(each.pid, 0) * second)
            for each in processes
        }
        now = [each._replace(process=faulting[each.process.pid]) for each in members]
        observation = history.observe(
            sample(5000 + second, faulting.values(), replace(of, vmstat=vmstat)),
            Grouping(by_name(now), tuple(ungrouped), 0),
            details,
        )
    return assess(observation, configuration)


NONE = "10.7 GiB of 16 GiB swap used; "
REST = "; 12 GiB memory available; nothing is moving."
EIGHT = workers(8, swap=1300 * MIB)
WWW = workers(2, "php-fpm:www", 500 * MIB, 200)
BLOG = workers(1, "httpd", 100 * MIB, 300)

SENTENCES = {
    "workers lie in swap, their shares known": (
        assessed(EIGHT, shared={each.process.pid: 1250 * MIB for each in EIGHT[1:]}),
        NONE + "8 idle workers of gunicorn:shop use 9.8 GiB of it" + REST,
    ),
    "shares not known": (
        assessed(EIGHT),
        NONE + "8 idle workers of gunicorn:shop use at most 10.2 GiB of it" + REST,
    ),
    "shares not known, and VmSwap counts more than there is": (
        assessed(workers(16)),
        NONE + "16 idle workers of gunicorn:shop use at most 10.7 GiB of it" + REST,
    ),
    "in one group of several": (
        assessed([*WWW, *workers(2, "gunicorn:shop", 0)]),
        NONE + "2 idle workers of php-fpm:www use at most 1000 MiB of it" + REST,
    ),
    "in two groups": (
        assessed([*EIGHT, *WWW]),
        NONE + "10 idle workers of gunicorn:shop and 1 other group use at most 10.7 GiB of it" + REST,
    ),
    "in three groups": (
        assessed([*WWW, *BLOG, *EIGHT]),
        NONE + "11 idle workers of gunicorn:shop and 2 other groups use at most 10.7 GiB of it" + REST,
    ),
    "one worker": (assessed(BLOG), NONE + "1 idle worker of httpd uses at most 100 MiB of it" + REST),
    "none of them": (assessed(workers(3, swap=0)), NONE + "no idle worker is in it" + REST),
    "no server": (assessed(), NONE + "no worker of a known server runs here" + REST),
    "not known yet": (
        assessed(EIGHT, minutes=1.5),
        NONE + "watching for idle workers since 15:10:00 UTC, verdict in 3m 30s" + REST,
    ),
    "known of some": (
        assessed([*WWW, member(process(400, swap=MIB), entry("batch", Idle(after=3600)), group="batch")]),
        NONE
        + "2 idle workers of php-fpm:www use at most 1000 MiB of it; "
        + "watching for 1 group since 15:10:00 UTC, verdict in 50m"
        + REST,
    ),
    "the sample broke off": (
        of_the_host_alone(replace(assessed(EIGHT).sample, complete=False)),
        NONE
        + "what uses it is unknown, because the last sample of the processes is incomplete"
        + "; 12 GiB memory available; swap-in and swap-out are not known yet.",
    ),
    "no swap": (assessed(EIGHT, host=the_host(0, of=0)), "This host has no swap."),
    "nothing in swap": (assessed(host=the_host(0)), "None of 16 GiB swap used" + REST),
    "an old kernel": (
        assessed(host=the_host(available=None)),
        NONE + "no worker of a known server runs here; nothing is moving.",
    ),
    "meminfo cannot be read": (
        assessed(host=replace(the_host(), meminfo=None)),
        "How much swap is used cannot be read here; the log says why.",
    ),
    "vmstat cannot be read": (
        assessed(host=replace(the_host(0), vmstat=None)),
        "None of 16 GiB swap used; 12 GiB memory available; swap-in and swap-out cannot be read here.",
    ),
    "no rate yet": (
        assessed(host=the_host(0), minutes=0),
        "None of 16 GiB swap used; 12 GiB memory available; swap-in and swap-out are not known yet.",
    ),
    "both ways": (
        assessed(host=the_host(0), each_second={"pswpin": 512, "pswpout": 2560}),
        "None of 16 GiB swap used; 12 GiB memory available; 2 MiB/s swap-in and 10 MiB/s swap-out.",
    ),
    "only out": (
        assessed(host=the_host(0), each_second={"pswpout": 2560}),
        "None of 16 GiB swap used; 12 GiB memory available; 10 MiB/s swap-out.",
    ),
    "a group reads itself back": (
        assessed(EIGHT, each_second={"pswpin": 512}, read_back={each.process.pid: 60 for each in EIGHT[1:]}),
        NONE
        + "8 idle workers of gunicorn:shop use at most 10.2 GiB of it; 12 GiB memory available; "
        + "2 MiB/s swap-in; gunicorn:shop reads 1.9 MiB/s back from swap.",
    ),
}


@pytest.mark.parametrize(("assessment", "said"), SENTENCES.values(), ids=SENTENCES)
def test_the_host_in_a_sentence(assessment: Assessment, said: str) -> None:
    assert sentence(assessment) == said


def page(assessment: Assessment, telemetry_path: str = "/metrics") -> Page:
    return Page(landing_page(assessment, telemetry_path))


def test_groups_stand_with_their_workers_by_state_the_worst_first() -> None:
    busy = member(process(400, swap=0), group="busy")
    idle = workers(2, "idle", swap=0, first_pid=500)
    unknown = member(process(600, swap=4000 * MIB), entry("later", Idle(after=3600)), group="later")
    shares = {each.process.pid: 1250 * MIB for each in EIGHT[1:]}
    rows = page(assessed([*idle, busy, unknown, *WWW, *EIGHT], shared=shares)).rows[2:]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["gunicorn:shop stranded", "0", "8 8 in swap", "0", "10.2 GiB", "9.8 GiB", "9.8 GiB", "1.2 GiB"],
        ["later swapped", "0", "0", "1 1 in swap", "3.9 GiB", "0", "not yet", DASH],
        ["php-fpm:www", "0", "2 2 in swap", "0", "1000 MiB", "0", "0", "0 B"],
        ["busy", "0", "1", "0", "0", "0", "0", DASH],
        ["idle", "0", "2", "0", "0", "0", "0", DASH],
    ]


@pytest.mark.parametrize(
    ("faults", "pswpin", "waking"),
    [(33, 300, True), (32, 300, False), (33, 256, False), (33, 0, False)],
    ids=["faults while the host reads from swap", "too few", "the host reads too little", "faults of files"],
)
def test_without_delay_accounting_major_faults_say_who_is_waking(
    faults: int, pswpin: int, waking: bool
) -> None:
    each_second = {"pswpin": pswpin}
    seen = assessed(EIGHT, each_second=each_second, faults={EIGHT[-1].process.pid: faults})
    [row] = page(seen).rows[2:]
    assert row[0].strip() == f"gunicorn:shop {'waking' if waking else 'stranded'}"
    waking_sentence = f"gunicorn:shop probably reads back from swap ({faults} major faults/s)"
    assert (waking_sentence in sentence(seen)) is waking
    assert (waking_sentence in page(seen).text) is waking


def test_where_vm_swap_stands_in_stranded_is_an_upper_bound_and_no_more_than_is_used() -> None:
    [row] = page(assessed(workers(16))).rows[2:]
    assert [cell.strip() for cell in row][6] == "at most 10.7 GiB"
    groups = [*workers(8, "a", 1400 * MIB, 100), *workers(8, "b", 1400 * MIB, 200)]
    assert "used; 16 idle workers of a and 1 other group use at most 10.7 GiB" in sentence(assessed(groups))


def test_who_holds_the_swap_adds_up_to_what_is_used() -> None:
    groups = [workers(1, f"g{i}", (900 - i) * MIB, 100 + i)[0] for i in range(6)]
    others = [process(50, swap=300 * MIB), process(51, swap=0)]
    text = page(assessed(groups, others, the_host(6 * GIB))).text
    held = [line.strip() for line in text.split("What uses the swap")[1].split("Groups")[0].splitlines()]
    assert [line for line in held if line and ":" not in line] == [
        "g0 900 MiB",
        "g1 899 MiB",
        "g2 898 MiB",
        "3 other groups 2.6 GiB",
        "processes in no group 300 MiB",
        "System V shared memory 205 MiB",
        "no process (tmpfs, memfd, swap cache) 254 MiB",
    ]


def test_groups_without_a_process_are_named_and_have_no_row() -> None:
    seen = page(assessed(WWW, configured=["redis", "<b>"]))
    assert [row[0].strip() for row in seen.rows[2:]] == ["php-fpm:www stranded"]
    assert "Without a process now: <b>, redis." in seen.text
    empty = page(assessed(configured=["redis"])).text
    assert "No process is in a group." in empty
    assert "Without a process now: redis." in empty


def test_a_host_without_groups_and_one_whose_sample_broke_off_have_a_page() -> None:
    assert "No process is in a group" in page(assessed()).text
    assert "What uses the swap" not in page(of_the_host_alone(assessed().sample)).text


@pytest.mark.parametrize(
    ("path", "link"),
    [("/metrics", "./metrics"), ("//evil.example/", ".//evil.example/"), ('/"<', "./%22%3C")],
)
def test_metrics_are_linked_on_this_host(path: str, link: str) -> None:
    assert ("href", link) in page(assessed(), path).attributes


HOSTILE = {
    "<script>alert(1)</script>": "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>": "'\"><img src=x onerror=alert(1)>",
    "&lt;b&gt;&#60;": "&lt;b&gt;&#60;",
    "</bdi></table></style><!--": "</bdi></table></style><!--",
    "\x1b[31mred\x07\r\n\x00": r"\x1b[31mred\x07\r\n\x00",
    "a\u202egnp.exe\u2066\u200b\ufeff": r"a\u202egnp.exe\u2066\u200b\ufeff",
    "\udc80\ufffe": r"\udc80\ufffe",
}


@pytest.mark.parametrize(("name", "shown"), HOSTILE.items(), ids=range(len(HOSTILE)))
def test_a_hostile_name_is_text(name: str, shown: str) -> None:
    seen = page(assessed(workers(2, name)))
    assert (seen.names[0], seen.names[-1]) == (shown, shown)  # beside the bar, in the table
    assert f"2 idle workers of {shown} use" in seen.text
    assert seen.elements == page(assessed(workers(2))).elements


@settings(deadline=None)
@given(st.text(max_size=80))
def test_no_name_changes_the_page_or_breaks_it(name: str) -> None:
    plain, seen = page(assessed(workers(2), minutes=0)), page(assessed(workers(2, name), minutes=0))
    assert seen.elements == plain.elements
    assert seen.attributes == plain.attributes
    landing_page(assessed(workers(2, name), minutes=0), "/metrics").encode()


def test_the_policy_lets_nothing_in_but_the_stylesheet_of_the_page() -> None:
    policy = dict(rule.strip().split(" ", 1) for rule in HEADERS["Content-Security-Policy"].split(";"))
    assert policy.pop("style-src").startswith("'sha256-")
    assert set(policy.values()) == {"'none'"}
    seen = page(assessed(EIGHT))
    assert not {name for name, _ in seen.attributes} & {"style", "src", "onclick", "onload"}
    assert not {"script", "link", "img", "iframe", "form"} & set(seen.elements)
