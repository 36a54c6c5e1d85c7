"""Measure, print, and write the page: `python -m bench PAGE`, as root, through `make bench`."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import cost, document, plan, plan_section
from bench.comparison import Case, Result, compare
from bench.contestants import BINARY
from bench.soak import soak
from tests.system.swapfile import swap_in_use

SIZES = (200, 1_000, 5_000, 10_000)
MOST_REPLACED = 5_000
PROGRAMS = ("idle", "floor", "swapping")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("page", type=Path, nargs="?", help="the file to write")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="PROCESSES")
    parser.add_argument("--cases", type=Case, nargs="+", default=list(Case), choices=list(Case))
    parser.add_argument(
        "--rounds", type=int, default=9, help="turns of each contestant; fewer for many processes"
    )
    parser.add_argument("--samples", type=int, default=10_000, help="of the soak; 0: none")
    parser.add_argument(
        "--seconds",
        type=int,
        default=60,
        help="that Prometheus is watched for, twice; 0: no plan past one machine",
    )
    arguments = parser.parse_args()
    if os.geteuid() != 0 or not BINARY.exists():
        print(
            "bench: needs root, for swap and a pid namespace, and make to install the exporter",
            file=sys.stderr,
        )
        return 1
    if arguments.seconds and not all(map(shutil.which, ("prometheus", "promtool"))):
        print(
            "bench: needs Debian's prometheus for the plan past one machine, or --seconds 0", file=sys.stderr
        )
        return 1
    if os.getpid() != 1:
        # Alone in a pid namespace: nobody else's processes are read, and all end with the measurement.
        namespace = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
        return subprocess.run(
            [*namespace, sys.executable, "-m", "bench", *sys.argv[1:]],
            check=False,
            timeout=6 * 3600,
        ).returncode
    with tempfile.TemporaryDirectory() as scratch:
        page = _measure(arguments, Path(scratch))
    if arguments.page:
        arguments.page.write_text(page)
    return 0


def _measure(arguments: argparse.Namespace, scratch: Path) -> str:
    load = Path("/proc/loadavg").read_text().split()[0]
    built = build(scratch)
    tables: dict[str, str] = {}

    def show(name: str, table: str) -> None:
        tables[name] = table
        print(table, flush=True)

    results: list[Result] = []
    for case in arguments.cases:
        most = MOST_REPLACED if case is Case.REPLACED else max(arguments.sizes)
        # Also where nothing is to swap: nobody else's tests may swap meanwhile.
        with swap_in_use():
            for processes in arguments.sizes:
                if processes <= most:
                    results.append(_compare(case, processes, arguments.rounds, built, scratch))  # noqa: PERF401
    show("comparison", document.comparison(results))
    memories = [cost.memory(processes, built, scratch) for processes in arguments.sizes]
    show("memory", document.memory(memories))
    expositions = [cost.exposition(groups, built, scratch) for groups in (20, 500)]
    show("expositions", document.expositions(expositions))
    start = cost.start(200, built, scratch)
    of_targets = [each for each in memories if each.processes in (200, document.AT)]
    show("targets", document.targets(results, of_targets, start, expositions))
    standings = soak(arguments.samples, 10, built, scratch) if arguments.samples else ()
    show("soak", document.soak(standings))
    show("plan", _plan(arguments.seconds, results, built, scratch))
    return document.page(tables, load)


def _compare(case: Case, processes: int, rounds: int, built: Path, scratch: Path) -> Result:
    result = compare(case, processes, max(5, rounds * 1000 // max(1000, processes)), built, scratch)
    print(document.comparison([result]).splitlines()[-1], file=sys.stderr, flush=True)
    return result


def _plan(seconds: int, results: list[Result], built: Path, scratch: Path) -> str:
    if not seconds:
        return "Not measured in this run.\n"
    with swap_in_use():
        return plan_section.section(plan.measure(seconds, built, scratch), results)


def build(directory: Path) -> Path:
    sources = Path(__file__).parent
    for program in PROGRAMS:
        command = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(directory / program)]
        subprocess.run([*command, str(sources / f"{program}.c")], check=True, timeout=120)
    return directory


if __name__ == "__main__":
    sys.exit(main())
