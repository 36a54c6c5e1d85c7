"""The dashboard as Grafana will read it."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins

from tests.deploy.contract import ROOT, alerts, metrics, rules, selections
from tests.deploy.promtool import promtool

GRAFANA = ROOT / "deploy/grafana"
TEXT = (GRAFANA / "swap-exporter.json").read_text()
PAGE = json.loads(TEXT)

UNITS = {"none", "short", "bytes", "Bps", "s", "percentunit", "cps", "dateTimeFromNow"}
"""Of Grafana's unit identifiers, those in use: it shows a wrong one as text and says nothing."""

NEVER_SUMMED = re.compile(
    r"wake_(bytes|seconds)|_max|timestamp|_quiet|_priority|capability|pressure|duration|ratio"
)
"""What a sum over workers, groups or hosts would make a meaningless number of."""


def panels() -> Iterator[dict[str, Any]]:
    for item in PAGE["panels"]:
        yield from item["panels"] if item["type"] == "row" and item.get("collapsed") else [item]


CHARTS = [panel for panel in panels() if panel["type"] != "row"]
QUERIES = [
    pytest.param(panel, target, id=f"{panel['id']}{target['refId']} {panel['title']}")
    for panel in CHARTS
    for target in panel["targets"]
]


def test_regenerating_gives_the_committed_file_byte_for_byte() -> None:
    ran = subprocess.run(
        [sys.executable, GRAFANA / "dashboard.py"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout == TEXT


@pytest.mark.filterwarnings("ignore:Prefer using dashboardv2:DeprecationWarning")
def test_the_schema_reads_it_back_without_loss() -> None:
    # Warns when imported: there is a newer schema, which not every Grafana in use reads.
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    again = json.loads(JSONEncoder().encode(Dashboard.from_json(json.loads(TEXT))))
    for item in [*again["links"], *again["annotations"]["list"]]:
        del item["placement"]
    assert again == PAGE
    assert PAGE["schemaVersion"] >= 42


def test_data_source_host_and_group_can_be_chosen() -> None:
    variables = {variable["name"]: variable for variable in PAGE["templating"]["list"]}
    assert list(variables) == ["datasource", "instance", "group"]
    for name in ("instance", "group"):
        assert variables[name]["multi"]
        assert variables[name]["allValue"] == ".+"
        [metric] = re.findall(r"label_values\((\w+)", variables[name]["query"]["query"])
        assert metric in metrics()


@pytest.mark.parametrize("panel", CHARTS, ids=lambda panel: panel["title"])
def test_each_panel_says_what_it_shows_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    units = [panel["fieldConfig"]["defaults"]["unit"]]
    for override in panel["fieldConfig"].get("overrides", []):
        units += [setting["value"] for setting in override["properties"] if setting["id"] == "unit"]
    assert set(units) <= UNITS
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_each_column_of_the_table_has_its_own_unit() -> None:
    [table] = [panel for panel in CHARTS if panel["type"] == "table"]
    columns = {
        override["matcher"]["options"]
        for override in table["fieldConfig"]["overrides"]
        if any(setting["id"] == "unit" for setting in override["properties"])
    }
    [headings] = [
        step["options"]["renameByName"] for step in table["transformations"] if step["id"] == "organize"
    ]
    assert columns == {heading for name, heading in headings.items() if name.startswith("Value #")}
    assert len(columns) == len(table["targets"])


@pytest.mark.parametrize(("panel", "target"), QUERIES)
def test_each_query_asks_what_is_there_for_what_was_chosen(
    panel: dict[str, Any], target: dict[str, Any]
) -> None:
    known = set(metrics()) | {rule["record"] for rule in rules() if "record" in rule}
    expression = target["expr"]
    for selection in selections(expression):
        name = selection.metric
        assert name in known | {"up", "ALERTS"}
        selectors = re.findall(rf"(?<![\w:]){name}(\{{[^}}]*\}})?", expression)
        fleet = name.split(":")[0] in {"group", "group_verdict", "job"}
        assert all(('instance=~"$instance"' in selector) is not fleet for selector in selectors)
        if "swap_group_" in name:
            assert all('group=~"$group"' in selector for selector in selectors)


@pytest.mark.parametrize(("panel", "target"), QUERIES)
def test_counters_become_rates_over_the_interval_that_suits_the_scrapes(
    panel: dict[str, Any], target: dict[str, Any]
) -> None:
    assert set(re.findall(r"\[[^\]]*\]", target["expr"])) <= {"[$__rate_interval]"}
    for selection in selections(target["expr"]):
        if selection.metric.endswith("_total"):
            assert selection.operations[0] == "rate", "a rate of a sum takes a restart for work"


@pytest.mark.parametrize(("panel", "target"), QUERIES)
def test_what_has_parts_is_aggregated_and_nothing_is_summed_that_has_no_sum(
    panel: dict[str, Any], target: dict[str, Any]
) -> None:
    for selection in selections(target["expr"]):
        labels = metrics()[selection.metric].labels if selection.metric in metrics() else frozenset()
        assert selection.dropped is None, "each line of a panel names the labels that it stands for"
        assert selection.kept <= labels | {"instance", "group"}
        if NEVER_SUMMED.search(selection.metric):
            assert "sum" not in selection.operations
        shown = set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")))
        assert shown <= selection.kept


def test_prometheus_accepts_each_query(tmp_path: Path) -> None:
    as_rules = [
        {"record": f"query:{number}", "expr": target["expr"].replace("$__rate_interval", "1m")}
        for number, target in enumerate(target for panel in CHARTS for target in panel["targets"])
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": as_rules}]}))
    promtool("check", "rules", file)


def test_no_panel_covers_another_or_leaves_the_page() -> None:
    def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
        at = panel["gridPos"]
        return {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}

    everything = [item for row in PAGE["panels"] for item in [row, *row.get("panels", [])]]
    for one, other in combinations(everything, 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])
    assert all(item["gridPos"]["x"] + item["gridPos"]["w"] <= 24 for item in everything)
    assert len({item["id"] for item in everything}) == len(everything)


def test_runbooks_are_a_click_away() -> None:
    linked = set(re.findall(r'"url": "\S+/docs/runbooks/(\w+)\.md"', TEXT))
    assert linked <= {page.stem for page in (ROOT / "docs/runbooks").glob("*.md")}
    assert linked >= {rule["alert"] for rule in alerts() if not rule["alert"].startswith("SwapExporter")}


def test_provisioning_points_at_what_the_other_files_say() -> None:
    [source] = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yaml").read_text())[
        "datasources"
    ]
    scraping = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["global"]
    assert source["jsonData"]["timeInterval"] == scraping["scrape_interval"]
    [provider] = yaml.safe_load((GRAFANA / "provisioning/dashboards/swap-exporter.yaml").read_text())[
        "providers"
    ]
    assert provider["type"] == "file"
