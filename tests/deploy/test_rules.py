"""Prometheus' own tools on what is shipped for it, and what they cannot see."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.contract import ROOT, alerts, metrics, rules, selections
from tests.deploy.promtool import promtool

PROMETHEUS = ROOT / "deploy/prometheus"
UNIT_TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))

ALERTS = sorted({rule["alert"] for rule in alerts()})
BUILT_IN = {"up", "ALERTS"}


def test_prometheus_accepts_the_scrape_configuration_and_its_rules() -> None:
    assert "2 rule files found" in promtool("check", "config", PROMETHEUS / "prometheus.yml")


def test_promtool_finds_nothing_to_lint_in_the_rules() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", *sorted((PROMETHEUS / "rules").glob("*.yml")))


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.stem)
def test_rules_do_what_their_unit_tests_say(path: Path) -> None:
    promtool("test", "rules", path)


def expectations(alert: str) -> list[dict[str, Any]]:
    """What the unit tests expect of an alert, over all scenarios."""
    return [
        {"fires": bool(check.get("exp_alerts")), "scenario": scenario["name"], "at": check["eval_time"]}
        for path in UNIT_TESTS
        for scenario in yaml.safe_load(path.read_text())["tests"]
        for check in scenario.get("alert_rule_test", [])
        if check["alertname"] == alert
    ]


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_is_seen_to_fire_to_resolve_and_to_stay_silent_in_a_near_miss(alert: str) -> None:
    seen = expectations(alert)
    firing = {check["scenario"] for check in seen if check["fires"]}
    assert firing, "never fires"
    assert any(
        not later["fires"] and later["scenario"] == earlier["scenario"]
        for position, earlier in enumerate(seen)
        if earlier["fires"]
        for later in seen[position + 1 :]
    ), "never resolves"
    assert any(check["scenario"] not in firing and "near miss" in check["scenario"] for check in seen)


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_each_alert_tells_what_whoever_is_woken_needs(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"Swap([A-Z][a-z]+)+", rule["alert"])
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert "{{" not in rule["annotations"]["summary"], "a summary is one fixed sentence"
    assert "$labels.instance" in rule["annotations"]["description"]


def test_every_metric_in_the_rules_is_one_that_the_exporter_has_or_a_rule_records() -> None:
    known = set(metrics()) | BUILT_IN | {rule["record"] for rule in rules() if "record" in rule}
    used = {selection.metric for rule in rules() for selection in selections(rule["expr"])}
    queried = {
        name
        for rule in alerts()
        for name in re.findall(r'printf "([a-z_:0-9]+)\{', rule["annotations"]["description"])
    }
    assert used | queried <= known


def test_everything_compared_with_a_threshold_finds_it_in_one_place() -> None:
    recorded = [rule["record"] for rule in rules() if "record" in rule]
    thresholds = [name for name in recorded if name.startswith("global:")]
    used = {
        selection.metric
        for rule in alerts()
        for selection in selections(rule["expr"])
        if selection.metric.startswith("global:")
    }
    assert set(thresholds) == used
    assert recorded[: len(thresholds)] == thresholds, "thresholds stand first"


@pytest.mark.parametrize(
    "rule", [rule for rule in rules() if "record" in rule], ids=lambda rule: rule["record"]
)
def test_recorded_names_are_level_metric_operation(rule: dict[str, Any]) -> None:
    level, metric, operation = rule["record"].split(":")
    assert re.fullmatch(r"global|instance|instance_group|group|group_[a-z_]+|job", level)
    assert metric.startswith("swap_")
    assert operation


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert", rule.get("record")))
def test_rules_keep_target_labels_and_add_up_what_may_be_added(rule: dict[str, Any]) -> None:
    known = metrics()
    for selection in selections(rule["expr"]):
        assert selection.dropped is not None, "by () would lose cluster, env and what else targets carry"
        if selection.metric in known and "total" in selection.metric:
            assert {"rate", "increase"} & set(selection.operations)
        level = rule.get("record", "").split(":")[0]
        if level in {"group", "job"}:
            assert "instance" in selection.dropped
        if level in {"instance", "instance_group", "group"} and selection.metric in known:
            assert known[selection.metric].labels - selection.dropped <= {"group"}
