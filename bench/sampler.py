"""The exporter's pipeline in a process of its own: `python -m bench.sampler CONFIG_FILE ACCEPT`.

Takes a sample for each line on standard input. Answers the line "expose" with four numbers: CPU seconds of
encoding all metric families, CPU seconds of encoding only those that have changed since the previous sample,
series, and bytes. Answers any other line with CPU seconds of the sample and the number of processes.
"""

import sys
import time
from pathlib import Path

from bench.exporter_options import options
from swap_exporter import config
from swap_exporter.cli import wiring
from swap_exporter.cli.open_files import open_file_budget, raise_descriptor_limit
from swap_exporter.exposition.render import Renderer, families, render
from swap_exporter.pipeline import Pipeline


def pipeline(config_file: Path) -> Pipeline:
    """As the daemon has it."""
    raise_descriptor_limit()
    flags = options(config_file)
    max_open_files = open_file_budget(flags.procfs, flags.cgroupfs)
    return wiring.pipeline(flags, config.load(str(config_file)), max_open_files=max_open_files)


def main(config_file: Path, accept: str) -> None:
    measured = pipeline(config_file)
    renderer = Renderer()
    for line in sys.stdin:
        began = time.process_time()
        assessment = measured.latest()
        sampled = time.process_time()
        if line == "expose\n":
            body = render(families(assessment), accept).body
            encoded = time.process_time()
            renderer.render(families(assessment), accept)
            encoded_again = time.process_time()
            series = sum(not line.startswith(b"#") for line in body.splitlines())
            print(encoded - sampled, encoded_again - encoded, series, len(body), flush=True)
        else:
            print(sampled - began, len(assessment.sample.processes), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
