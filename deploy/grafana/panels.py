"""How each kind of panel looks. What the panels ask is in sections.py."""

from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import dashboard as dashboard_builder
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

RUNBOOKS = "https://github.com/swap-exporter/swap-exporter/blob/main/docs/runbooks"
DATASOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")

GREEN, YELLOW, ORANGE, RED, GREY = "green", "yellow", "orange", "red", "text"

VERDICTS = {
    0: ("not known yet", GREY),
    1: ("nothing idle in swap", GREEN),
    2: ("idle in swap, harmless", YELLOW),
    3: ("stranded", ORANGE),
    4: ("waking", RED),
}
"""The values of instance_group:swap_group_verdict:max (deploy/prometheus/rules/recording.yml)."""

GROUP_ALERTS = ("SwapWorkersStranded", "SwapWorkersWaking")

Graph = timeseries.Panel
Panel = stat.Panel | timeseries.Panel | statetimeline.Panel | table.Panel
Column = tuple[str, str, str]
"""(heading, unit, query)."""


def runbook(alert: str) -> dashboard_builder.DashboardLink:
    return (
        dashboard_builder.DashboardLink(f"Runbook: {alert}")
        .type(dashboard.DashboardLinkType.LINK)
        .url(f"{RUNBOOKS}/{alert}.md")
        .target_blank(True)
    )


def verdict_mapping() -> dashboard.ValueMap:
    return dashboard.ValueMap(
        {
            str(value): dashboard.ValueMappingResult(text=text, color=color, index=value)
            for value, (text, color) in VERDICTS.items()
        }
    )


def thresholds(*above: tuple[float, str]) -> dashboard_builder.ThresholdsConfig:
    """Green, and each colour from its value on."""
    steps = [dashboard.Threshold(None, GREEN), *(dashboard.Threshold(value, color) for value, color in above)]
    return dashboard_builder.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps)


def query(expression: str, legend: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().datasource(DATASOURCE).expr(expression).legend_format(legend).range()


def number(title: str, description: str, unit: str, expression: str, *above: tuple[float, str]) -> stat.Panel:
    """One number, coloured, without a history. No series is no data, and never a reassuring 0."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .no_value("no data")
        .thresholds(thresholds(*above))
        .color_mode(common.BigValueColorMode.BACKGROUND)
        .graph_mode(common.BigValueGraphMode.NONE)
        .reduce_options(common_builder.ReduceDataOptions().calcs(["lastNotNull"]))
        .height(4)
        .span(4)
        .with_target(prometheus.Dataquery().datasource(DATASOURCE).expr(expression).instant().ref_id("A"))
    )


def graph(title: str, description: str, unit: str, *queries: tuple[str, str]) -> Graph:
    """Lines over time, one per (query, legend); half the page wide."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .axis_soft_min(0)
        .fill_opacity(10)
        .show_points(common.VisibilityMode.NEVER)
        .legend(
            common_builder.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(
            common_builder.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.DESCENDING)
        )
        .height(9)
        .span(12)
    )
    for letter, (expression, legend) in zip("ABCDEFGH", queries, strict=False):
        panel.with_target(query(expression, legend).ref_id(letter))
    return panel


def stacked(panel: Graph) -> Graph:
    """The areas of a graph on top of each other, for parts of a whole."""
    return panel.fill_opacity(60).stacking(common_builder.StackingConfig().mode(common.StackingMode.NORMAL))


def line(panel: Graph, name: str, color: str, **custom: object) -> Graph:
    """Give the series of one name its colour and look."""
    properties = [dashboard.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})]
    properties += [dashboard.DynamicConfigValue(f"custom.{key}", value) for key, value in custom.items()]
    return panel.override_by_name(name, properties)


def timeline(title: str, description: str, expression: str, legend: str) -> statetimeline.Panel:
    """Verdicts as coloured bars over time."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit("none")
        .mappings([verdict_mapping()])
        .color_scheme(dashboard_builder.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
        .merge_values(True)
        .show_value(common.VisibilityMode.NEVER)
        .no_value("Nothing lies in swap that anybody could miss")
        .height(9)
        .span(12)
        .with_target(query(expression, legend).ref_id("A"))
    )


def verdict_table(title: str, description: str, columns: list[Column]) -> table.Panel:
    """One row per host and group; the first column is the verdict."""
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit("short")
        .no_value("-")
        .cell_height(common.TableCellHeight.SM)
        .sort_by([common_builder.TableSortByFieldState().display_name(columns[0][0]).desc(True)])
        .height(9)
        .span(24)
    )
    headings = {"Value #A": columns[0][0], "instance": "Host", "group": "Group"}
    for letter, (heading, unit, expression) in zip("ABCDEFGHIJKL", columns, strict=False):
        panel.with_target(
            prometheus.Dataquery()
            .datasource(DATASOURCE)
            .expr(expression)
            .format(PromQueryFormat.TABLE)
            .instant()
            .ref_id(letter)
        )
        headings[f"Value #{letter}"] = heading
        panel.override_by_name(heading, [dashboard.DynamicConfigValue("unit", unit)])
    panel.override_by_name(
        columns[0][0],
        [
            dashboard.DynamicConfigValue("mappings", [verdict_mapping()]),
            dashboard.DynamicConfigValue("custom.cellOptions", {"type": "color-background"}),
            dashboard.DynamicConfigValue("links", [runbook(alert).build() for alert in GROUP_ALERTS]),
        ],
    )
    panel.override_by_name("Group", [dashboard.DynamicConfigValue("links", [_narrow_down().build()])])
    panel.with_transformation(dashboard.DataTransformerConfig("merge", options={}))
    return panel.with_transformation(
        dashboard.DataTransformerConfig(
            "organize",
            options={
                "excludeByName": {"Time": True},
                "indexByName": {name: index for index, name in enumerate(headings)},
                "renameByName": headings,
            },
        )
    )


def _narrow_down() -> dashboard_builder.DashboardLink:
    return (
        dashboard_builder.DashboardLink("This group on this host")
        .type(dashboard.DashboardLinkType.LINK)
        .url(
            "/d/swap-exporter?${datasource:queryparam}&${__url_time_range}"
            "&var-instance=${__data.fields.Host:percentencode}&var-group=${__data.fields.Group:percentencode}"
        )
    )
