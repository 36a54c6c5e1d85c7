"""contract.txt and docs/metrics.md, made from the table of metrics. ``make metrics`` writes both."""

from collections.abc import Iterator
from typing import Any

from swap_exporter.exposition.exporter import RELOAD
from swap_exporter.exposition.render import TABLE
from swap_exporter.exposition.row import Row
from tests.deploy.contract import ROOT

CONTRACT = """\
# Every metric of the exporter: name, type, labels. Rules and dashboard may use these and no others.
# `make metrics` writes this file from the tables in src/swap_exporter/exposition/.
"""

PAGE = """\
# Metrics

`make metrics` writes this page from the tables in `src/swap_exporter/exposition/`.
The meaning is the help text of `/metrics`.

A value that is unknown, or that cannot be read, is absent and never 0. [privileges.md](privileges.md) lists
what metrics need of the kernel and of privileges, [verdicts.md](verdicts.md) defines idle and swapped,
[configuration.md](configuration.md) has the keys that are named here, and [sizing.md](sizing.md) counts the
series.

`swap-exporter once` leaves out metrics marked ¹, which need more than one sample, and
`swap_exporter_config_*`.
"""

END = """
`process_*` and `python_*` are the metrics of Prometheus' Python client; `--web.disable-exporter-metrics`
leaves them out.
"""


def subjects() -> Iterator[tuple[str, list[Row[Any]]]]:
    for subject, rows in TABLE.items():
        yield subject, [*rows, *(RELOAD if subject == "Exporter" else ())]


def contract() -> str:
    lines = (
        f"{row.name} {row.type} {','.join(row.labels)}".rstrip() for _, rows in subjects() for row in rows
    )
    return CONTRACT + "\n".join(lines) + "\n"


def page() -> str:
    sections = []
    for subject, rows in subjects():
        sections += [
            "",
            f"## {subject}",
            "",
            "| metric | type | labels | meaning |",
            "| --- | --- | --- | --- |",
        ]
        sections += [
            f"| `{row.name}`{' ¹' * row.needs_history} | {row.type} | {', '.join(row.labels)} | {row.help} |"
            for row in rows
        ]
    return PAGE + "\n".join(sections) + "\n" + END


FILES = {ROOT / "tests/deploy/contract.txt": contract, ROOT / "docs/metrics.md": page}

if __name__ == "__main__":
    for path, text in FILES.items():
        path.write_text(text())
