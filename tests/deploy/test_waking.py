"""SwapWorkersWaking on what the exporter really exposes, minute by minute. Page and report agree with it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from swap_exporter.assessment import Assessment, assess
from swap_exporter.assessment.waking import HOST_SWAPIN, MAJOR_FAULTS, SWAPIN, Evidence
from swap_exporter.details.details import Details
from swap_exporter.exposition.render import families, render
from swap_exporter.grouping.roles import Role
from swap_exporter.history.history import History
from swap_exporter.kernel.taskstats import TaskDelays
from swap_exporter.settings import Configuration
from swap_exporter.summary.state import State
from tests.deploy.contract import ROOT, rules
from tests.deploy.promtool import promtool
from tests.making import MIB, grouping, host, member, process, sample
from tests.report import making

MINUTES = 20
PAGE = 4096


class Part(NamedTuple):
    """The one process of a role, and what it does each minute."""

    role: Role
    faults: int
    pages: int | None
    """Pages read from swap; ``None`` if delay accounting does not measure the process."""


def assessments(parts: Sequence[Part], host_pages: int) -> list[Assessment]:
    """One a minute. ``host_pages``: read from swap by the host each minute."""
    history, made = History(Configuration()), []
    for minute in range(MINUTES + 1):
        members = [
            member(process(20 + number, major_faults=part.faults * minute), role=part.role)
            for number, part in enumerate(parts)
        ]
        delays = {
            of.process.identity: TaskDelays(part.pages * minute, 1, 1, measured=True)
            for of, part in zip(members, parts, strict=True)
            if part.pages is not None
        }
        of_host = host(pswpin=host_pages * minute)
        taken = sample(1000.0 + 60 * minute, [of.process for of in members], of_host)
        observation = history.observe(taken, grouping(members), Details(delays=delays))
        made.append(assess(observation, Configuration()))
    return made


def series(instance: str, taken: Iterable[Assessment]) -> list[dict[str, str]]:
    """As promtool takes them; ``_`` where a scrape has no such series."""
    values: dict[str, list[str]] = defaultdict(list)
    for minute, assessment in enumerate(taken):
        for family in text_string_to_metric_families(render(families(assessment)).body.decode()):
            for read in family.samples:
                labels = {"job": "swap-exporter", "instance": instance, **read.labels}
                pairs = ", ".join(f'{key}="{text}"' for key, text in labels.items())
                name = f"{read.name}{{{pairs}}}"
                values[name] += ["_"] * (minute - len(values[name])) + [f"{read.value:.0f}"]
    return [{"series": name, "values": " ".join(each)} for name, each in values.items()]


def check(path: Path, hosts: Mapping[str, list[Assessment]], firing: Mapping[str, str]) -> None:
    """Run the shipped rules over these hosts. ``firing``: the evidence of each alert, by instance."""
    name = "alertname='SwapWorkersWaking', alertstate='firing'"
    alerts = [
        {"labels": f'{{instance="{instance}", evidence="{evidence}"}}', "value": 1}
        for instance, evidence in firing.items()
    ]
    test = {
        "interval": "1m",
        "input_series": [each for instance, taken in hosts.items() for each in series(instance, taken)],
        "promql_expr_test": [
            {
                "eval_time": f"{MINUTES}m",
                "expr": f"count by (instance, evidence) (ALERTS{{{name}}})",
                "exp_samples": alerts,
            }
        ],
    }
    document = {
        "rule_files": [str(ROOT / "deploy/prometheus/rules/alerting.yml")],
        "evaluation_interval": "1m",
        "tests": [test],
    }
    path.write_text(yaml.safe_dump(document))
    promtool("test", "rules", path)


FAST = 5 * MIB // PAGE * 60
"""Pages a minute: 5 MiB/s."""
OLD_WORKER = Part(Role.WORKER, faults=64 * 60, pages=None)


@pytest.mark.parametrize(
    "others",
    [
        (),
        (Part(Role.MASTER, faults=0, pages=None),),
        (Part(Role.AUXILIARY, faults=0, pages=0),),
    ],
    ids=["workers alone", "with an old master", "with an auxiliary that is measured"],
)
def test_it_fires_on_faults_where_delay_accounting_was_switched_on_under_running_workers(
    tmp_path: Path, others: tuple[Part, ...]
) -> None:
    taken = assessments((OLD_WORKER, *others), FAST)
    check(tmp_path / "test.yml", {"web1": taken}, {"web1": "major_faults"})


SLOW = FAST // 10
"""0.5 MiB/s."""
MANY, FEW = 64 * 60, 16 * 60
CASES: dict[str, tuple[tuple[Part, ...], int, Evidence | None]] = {
    "measured": ((Part(Role.WORKER, MANY, FAST),), FAST, Evidence.DELAY_ACCOUNTING),
    "measured, too little": ((Part(Role.WORKER, MANY, SLOW),), FAST, None),
    "measured, faults of files": ((Part(Role.WORKER, MANY, 0),), FAST, None),
    "measured, together enough": (
        (Part(Role.WORKER, MANY, FAST // 8), Part(Role.MASTER, MANY, FAST // 8)),
        FAST,
        Evidence.DELAY_ACCOUNTING,
    ),
    "faults": ((Part(Role.WORKER, MANY, None),), FAST, Evidence.MAJOR_FAULTS),
    "faults, too few": ((Part(Role.WORKER, FEW, None),), FAST, None),
    "faults, together enough": (
        (Part(Role.WORKER, MANY * 2 // 5, None), Part(Role.MASTER, MANY * 2 // 5, None)),
        FAST,
        Evidence.MAJOR_FAULTS,
    ),
    "faults, of files": ((Part(Role.WORKER, MANY, None),), 0, None),
    "faults, the host reads too little": ((Part(Role.WORKER, MANY, None),), SLOW, None),
    "workers measured at rest, master not": (
        (Part(Role.WORKER, MANY, 0), Part(Role.MASTER, FEW, None)),
        FAST,
        None,
    ),
    "master measured at rest, workers not": (
        (Part(Role.MASTER, 0, 0), Part(Role.WORKER, MANY, None)),
        FAST,
        Evidence.MAJOR_FAULTS,
    ),
    "workers measured, master faults as well": (
        (Part(Role.WORKER, MANY, FAST), Part(Role.MASTER, MANY, None)),
        FAST,
        Evidence.DELAY_ACCOUNTING,
    ),
}


def test_the_rule_fires_where_the_page_says_waking(tmp_path: Path) -> None:
    hosts = {name: assessments(parts, host_pages) for name, (parts, host_pages, _) in CASES.items()}
    expected = {name: evidence for name, (_, _, evidence) in CASES.items() if evidence is not None}
    judged = {name: taken[-1].groups[0].waking for name, taken in hosts.items()}
    assert {name: waking.evidence for name, waking in judged.items() if waking is not None} == expected
    check(tmp_path / "test.yml", hosts, expected)


@pytest.mark.parametrize("case", CASES)
def test_the_report_says_waking_where_the_rule_fires(case: str) -> None:
    parts, host_pages, evidence = CASES[case]
    share = 60 / making.SECONDS
    members = [
        member(process(20 + number, major_faults=round(part.faults / share)), role=part.role)
        for number, part in enumerate(parts)
    ]
    reading = making.reading(
        members,
        of=making.host(swapin_pages=round(host_pages / share)),
        before={of.process.pid: of.process._replace(major_faults=0) for of in members},
        swapin={
            of.process.pid: round(part.pages / share)
            for of, part in zip(members, parts, strict=True)
            if part.pages is not None
        },
    )
    [row] = making.report(reading).groups
    assert (row.state is State.WAKING) is (evidence is not None)


def test_the_thresholds_are_those_of_the_rule() -> None:
    thresholds = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
    for metric, value in (
        ("swap_group_swapin_bytes", SWAPIN),
        ("swap_group_major_faults", MAJOR_FAULTS),
        ("swap_host_swapin_bytes", HOST_SWAPIN),
    ):
        expression = thresholds[f"global:{metric}:rate5m_threshold"]
        number = expression.removeprefix("vector(").removesuffix(")").replace("2^20", str(1 << 20))
        assert float(number) == value
