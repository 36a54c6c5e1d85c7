"""Many samples in one process while processes come and go: nothing may grow."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.comparison import NAMES, idle_processes
from bench.cost import private_bytes
from bench.exporter_options import configuration, sample_each_request
from bench.sampler import pipeline
from swap_exporter.exposition.render import Renderer, families

PROCESSES = 200
REPLACED = 10
"""Processes replaced before each sample."""


class Snapshot(NamedTuple):
    samples: int
    private: int
    """Bytes."""
    descriptors: int
    remembered: int
    """Processes in the state that is saved to the state file."""
    objects: int
    """Objects that the garbage collector tracks."""


def soak(samples: int, reports: int, programs: Path, scratch: Path) -> Iterator[Snapshot]:
    """Yield a snapshot ``reports`` times. All of them should be alike."""
    config_file = scratch / "swap-exporter.yaml"
    config_file.write_text(sample_each_request(configuration(NAMES)))
    with idle_processes(programs, PROCESSES, NAMES) as idle:
        measured, renderer = pipeline(config_file), Renderer()
        for number in range(1, samples + 1):
            idle.ask(f"replace {REPLACED}")
            renderer.render(families(measured.latest()))
            if number % (samples // reports) == 0:
                memory = measured.persisted_state()
                gc.collect()
                yield Snapshot(
                    number,
                    private_bytes(os.getpid()),
                    len(os.listdir("/proc/self/fd")),
                    len(memory.states) if memory else 0,
                    len(gc.get_objects()),
                )
