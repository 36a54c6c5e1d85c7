"""The real pipeline in a process of its own: one sample for each line; answers with its CPU seconds."""

import sys
import time
from pathlib import Path

from bench.exporter_options import options
from swap_exporter import config
from swap_exporter.cli import wiring
from swap_exporter.pipeline import Pipeline
from swap_exporter.sampling import budget


def pipeline(config_file: Path) -> Pipeline:
    """As the daemon has it."""
    budget.raise_descriptor_limit()
    flags = options(config_file)
    return wiring.pipeline(flags, config.load(str(config_file)), most_held=wiring.affordable(flags))


def main(config_file: Path) -> None:
    measured = pipeline(config_file)
    for _ in sys.stdin:
        began = time.process_time()
        assessment = measured.latest()
        seconds = time.process_time() - began
        print(seconds, len(assessment.sample.processes), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
