"""The real pipeline in a process of its own: takes a sample for each line, and answers with CPU seconds.

Those of the sample and the number of processes; after the line "expose" those of the exposition of that
sample in the format that the second argument asks for: where each family is new, and where they are those of
the last sample if they have not changed; then the number of series, and of bytes.
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
    most_held = open_file_budget(flags.procfs, flags.cgroupfs)
    return wiring.pipeline(flags, config.load(str(config_file)), most_held=most_held)


def main(config_file: Path, accept: str) -> None:
    measured = pipeline(config_file)
    renderer = Renderer()
    for line in sys.stdin:
        began = time.process_time()
        assessment = measured.latest()
        sampled = time.process_time()
        if line == "expose\n":
            body = render(families(assessment), accept).body
            anew = time.process_time()
            renderer.render(families(assessment), accept)
            ended = time.process_time()
            series = sum(not line.startswith(b"#") for line in body.splitlines())
            print(anew - sampled, ended - anew, series, len(body), flush=True)
        else:
            print(sampled - began, len(assessment.sample.processes), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
