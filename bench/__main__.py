"""Measure, print the tables and write the page: `python -m bench PAGE` as root, or `make bench`."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import cost, document
from bench.comparison import Case, Result, compare
from bench.contestants import BINARY
from bench.soak import soak
from bench.swap import swap_in_use

SIZES = (200, 1_000, 5_000, 10_000)
MAX_REPLACED = 5_000
"""Processes: the largest size of the case in which processes are replaced."""
PROGRAMS = ("idle", "floor", "swapping")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description="Measure swap-exporter beside other programs.")
    parser.add_argument("page", type=Path, nargs="?", help="Markdown file to write")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=SIZES, metavar="PROCESSES", help="numbers of processes"
    )
    parser.add_argument("--cases", type=Case, nargs="+", default=list(Case), choices=list(Case))
    parser.add_argument(
        "--rounds",
        type=int,
        default=9,
        help="rounds with up to 1,000 processes; more processes get fewer, at least 5",
    )
    parser.add_argument("--samples", type=int, default=10_000, help="samples of the soak test; 0 skips it")
    arguments = parser.parse_args()
    if os.geteuid() != 0 or not BINARY.exists():
        print(
            "bench: needs root, for swap and a pid namespace, and an installed exporter (make bench)",
            file=sys.stderr,
        )
        return 1
    if os.getpid() != 1:
        # In its own pid namespace bench measures only processes that it started, and all of them end with it.
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
    programs = compile_programs(scratch)
    tables: dict[str, str] = {}

    def show(name: str, table: str) -> None:
        tables[name] = table
        print(table, flush=True)

    results: list[Result] = []
    # Cases that need no swap run with it too: the lock keeps the system tests from swapping meanwhile.
    with swap_in_use():
        for case in arguments.cases:
            for processes in arguments.sizes:
                if case is not Case.REPLACED or processes <= MAX_REPLACED:
                    results.append(_compare(case, processes, arguments.rounds, programs, scratch))  # noqa: PERF401
    show("comparison", document.comparison(results))
    show("shares", document.shares(results))
    memories = [cost.memory(processes, programs, scratch) for processes in arguments.sizes]
    show("memory", document.memory(memories))
    expositions = [cost.exposition(groups, programs, scratch) for groups in (20, 500)]
    show("expositions", document.expositions(expositions))
    start = cost.start(200, programs, scratch)
    with_targets = [each for each in memories if each.processes in (200, document.TARGET_PROCESSES)]
    show("targets", document.targets(results, with_targets, start, expositions))
    snapshots = soak(arguments.samples, 10, programs, scratch) if arguments.samples else ()
    show("soak", document.soak(snapshots))
    return document.page(tables, load)


def _compare(case: Case, processes: int, rounds: int, programs: Path, scratch: Path) -> Result:
    result = compare(case, processes, max(5, rounds * 1000 // max(1000, processes)), programs, scratch)
    print(document.comparison([result]).splitlines()[-1], file=sys.stderr, flush=True)
    return result


def compile_programs(directory: Path) -> Path:
    """Compile the C programs into the directory and return it."""
    sources = Path(__file__).parent
    for program in PROGRAMS:
        command = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(directory / program)]
        subprocess.run([*command, str(sources / f"{program}.c")], check=True, timeout=120)
    return directory


if __name__ == "__main__":
    sys.exit(main())
