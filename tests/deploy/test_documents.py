"""Runbooks that are where the alerts point, and numbers that follow from the contract."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.contract import (
    ADDED,
    PYTHON_CLIENT,
    ROOT,
    alerts,
    metrics,
    recorded_series,
    rules,
    selections,
    series,
    series_of_exporter,
    series_of_host,
)
from tests.require import require

DOCS = ROOT / "docs"
RUNBOOKS = DOCS / "runbooks"
RUNBOOK_URL = "https://github.com/swap-exporter/swap-exporter/blob/main/docs/runbooks"

PAGES = sorted(RUNBOOKS.glob("Swap*.md"))
OWN = [*RUNBOOKS.glob("*.md"), DOCS / "sizing.md"]

SERVERS = ["gunicorn", "php-fpm", "httpd", "uwsgi", "celery", "unicorn", "puma", "Other servers"]


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_each_alert_points_to_the_page_that_bears_its_name(rule: dict[str, Any]) -> None:
    assert rule["annotations"]["runbook_url"] == f"{RUNBOOK_URL}/{rule['alert']}.md"
    assert (RUNBOOKS / f"{rule['alert']}.md").read_text().startswith(f"# {rule['alert']}\n")


def test_there_is_no_page_without_its_alert_and_all_are_listed() -> None:
    assert {page.stem for page in PAGES} == {rule["alert"] for rule in alerts()}
    listed = re.findall(r"^\| \[(\w+)\]\(\1\.md\) \| (\w+) ", (RUNBOOKS / "README.md").read_text(), re.M)
    assert set(listed) == {(rule["alert"], rule["labels"]["severity"]) for rule in alerts()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_page_answers_the_same_four_questions(page: Path) -> None:
    headings = re.findall(r"^## (.+)$", page.read_text(), re.M)
    assert headings == ["What it means", "See it by hand", "Harmless or harmful", "What to do"]


def test_each_kind_of_server_has_a_remedy_in_one_sentence() -> None:
    text = (RUNBOOKS / "remedies.md").read_text()
    servers = text[text.index("# Servers\n") : text.index("# For every server\n")]
    sections = re.findall(r"^## (.+)\n(.+)\n\n", servers, re.M)
    assert [name for name, _ in sections] == SERVERS
    assert all(sentence.endswith(".") and len(sentence) < 200 for _, sentence in sections)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", OWN, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", page.read_text()):
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), anchor


@pytest.mark.parametrize("page", OWN, ids=lambda page: page.stem)
def test_metrics_on_the_pages_exist(page: Path) -> None:
    known = set(metrics())
    for name in re.findall(r"\bswap_(?:group|host|cgroup|device|zswap|zram|exporter)_\w+", page.read_text()):
        assert any(metric.startswith(name) for metric in known), name


@pytest.mark.parametrize("page", OWN, ids=lambda page: page.stem)
def test_commands_on_the_pages_are_well_formed(page: Path) -> None:
    require(shutil.which("bash"), "bash")
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", page.read_text(), re.M | re.S)
    for block in blocks:
        ran = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stderr


def test_sizing_counts_what_the_contract_says() -> None:
    per_group = series("swap_group_", group=1)
    per_cgroup = series("swap_cgroup_", cgroup=1, group=1)
    per_device = series("swap_device_", device=1, medium=1)
    per_host = series("swap_host_") + series("swap_zswap_")
    per_collector = series("swap_exporter_collector_", collector=1)
    exporter = series_of_exporter()

    text = re.sub(r"\s+", " ", (DOCS / "sizing.md").read_text())
    assert f"| group | {per_group} |" in text
    assert f"| cgroup that holds a grouped process | {per_cgroup - 1} |" in text
    assert f"| swap device | {per_device} |" in text
    assert f"| host | {per_host} |" in text
    assert f"| collector of the exporter | {per_collector} |" in text
    assert f"| exporter | {exporter + PYTHON_CLIENT} |" in text
    assert f"| target, by Prometheus | {ADDED} |" in text
    rest = exporter + PYTHON_CLIENT + ADDED
    formula = f"{per_group} G + {per_cgroup} G + {per_device} + {per_host} + {per_collector} C + {rest}"
    assert f"{formula} series" in text

    host = series_of_host(10)
    assert f"at most {host} series a host" in text
    for hosts in (10, 1_000, 100_000):
        total, rows = hosts * host, recorded_series(hosts, 10)
        assert f"| {hosts:,} | {total:,} | {round(total / 30):,} | {rows:,} |" in text


def test_what_sizing_suggests_to_drop_is_used_by_no_rule() -> None:
    [pattern] = re.findall(
        r"regex: '(swap_group_\(.+)'", (ROOT / "deploy/prometheus/prometheus.yml").read_text()
    )
    used = {selection.metric for rule in rules() for selection in selections(rule["expr"])}
    assert not [metric for metric in used if re.fullmatch(pattern, metric)]
    assert [metric for metric in metrics() if re.fullmatch(pattern, metric)]
