"""Prints swap-exporter.json, the dashboard that stands beside this file:

python deploy/grafana/dashboard.py > deploy/grafana/swap-exporter.json
"""

import json
from itertools import count
from typing import NamedTuple

import background
import composition
import verdict
from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard
from panels import DATASOURCE, RUNBOOKS, Panel


class Section(NamedTuple):
    """A question, and the panels that answer it."""

    title: str
    panels: list[Panel]
    folded: bool = False
    """Closed at first; its queries run when somebody opens it."""


def sections() -> list[Section]:
    """From top to bottom."""
    return [
        Section("Is anything stranded or hurting?", verdict.verdict()),
        Section("On which host, in which group?", verdict.where()),
        Section("Since when?", verdict.since()),
        Section("What is it made of?", composition.composition()),
        Section("What would waking cost?", composition.waking()),
        Section("All hosts together", background.fleet(), folded=True),
        Section("Pressure, devices, cgroups", background.host(), folded=True),
        Section("The exporter itself", background.exporter(), folded=True),
    ]


def _variable(name: str, label: str, description: str, series: str) -> builder.QueryVariable:
    """A label's values to choose from: several, or all of them, which costs no thousand-fold alternation."""
    return (
        builder.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(DATASOURCE)
        .query({"query": f"label_values({series}, {name})", "refId": name})
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.NATURAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(dashboard.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _alerts() -> builder.AnnotationQuery:
    return (
        builder.AnnotationQuery()
        .name("Alerts")
        .datasource(DATASOURCE)
        .enable(True)
        .icon_color("orange")
        .expr('ALERTS{alertname=~"Swap.+", alertstate="firing", instance=~"$instance", group=~"$group|"}')
        .title_format("{{alertname}}")
        .text_format("{{instance}} {{group}}")
        .step("60s")
    )


def _link(title: str, url: str) -> builder.DashboardLink:
    return builder.DashboardLink(title).type(dashboard.DashboardLinkType.LINK).url(url).target_blank(True)


def build() -> dashboard.Dashboard:
    page = (
        builder.Dashboard("Stranded in swap")
        .uid("swap-exporter")
        .description("Which workers lie in swap, whether that hurts, and what waking them will cost.")
        .tags(["swap-exporter", "swap", "memory"])
        .time("now-6h", "now")
        .refresh("1m")
        .timezone("browser")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .with_variable(builder.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(_variable("instance", "Host", "Hosts to look at.", "swap_host_size_bytes"))
        .with_variable(
            _variable("group", "Group", "Groups to look at.", 'swap_group_processes{instance=~"$instance"}')
        )
        .annotation(_alerts())
        .link(_link("Runbooks", f"{RUNBOOKS}/README.md"))
        .link(_link("Remedies", f"{RUNBOOKS}/remedies.md"))
    )
    ids = count(1)
    for section in sections():
        row = builder.Row(section.title).id(next(ids))
        if section.folded:
            for panel in section.panels:
                row.with_panel(panel.id(next(ids)))
            page.with_row(row)
        else:
            page.with_row(row)
            for panel in section.panels:
                page.with_panel(panel.id(next(ids)))
    return page.build()


def encode(page: dashboard.Dashboard) -> str:
    content = json.loads(JSONEncoder().encode(page))
    # The builders put every link and annotation behind a menu, and nobody looks there at night.
    for item in [*content["links"], *content["annotations"]["list"]]:
        del item["placement"]
    return json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False)


if __name__ == "__main__":
    print(encode(build()))
