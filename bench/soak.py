"""Many samples with churn in one process: does anything grow?"""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.comparison import NAMES, idle_processes
from bench.cost import private_bytes
from bench.exporter_options import configuration, every_time
from bench.sampler import pipeline
from swap_exporter.exposition.render import Renderer, families

PROCESSES = 200
REPLACED = 10
"""Before each sample."""


class Standing(NamedTuple):
    samples: int
    private: int
    """Bytes."""
    descriptors: int
    remembered: int
    """Process identities that are still in the state file's memory."""
    objects: int
    """That the garbage collector tracks: whatever is remembered anywhere."""


def soak(samples: int, reports: int, built: Path, scratch: Path) -> Iterator[Standing]:
    """A standing now and then. All of them should be alike."""
    config_file = scratch / "swap-exporter.yaml"
    config_file.write_text(every_time(configuration(NAMES)))
    with idle_processes(built, PROCESSES, NAMES) as idle:
        measured, renderer = pipeline(config_file), Renderer()
        for number in range(1, samples + 1):
            idle.ask(f"replace {REPLACED}")
            renderer.render(families(measured.latest()))
            if number % (samples // reports) == 0:
                memory = measured.memory()
                gc.collect()
                yield Standing(
                    number,
                    private_bytes(os.getpid()),
                    len(os.listdir("/proc/self/fd")),
                    len(memory.watches) if memory else 0,
                    len(gc.get_objects()),
                )
