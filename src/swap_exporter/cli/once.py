"""``once``: one exposition on standard output, for node_exporter's textfile collector."""

import sys

from swap_exporter.cli import wiring
from swap_exporter.cli.flags import Options
from swap_exporter.exposition.render import families, render


def once(options: Options) -> int:
    """Print what one sample alone can know."""
    pipeline = wiring.pipeline(options, wiring.configuration(options))
    sys.stdout.buffer.write(render(families(pipeline.latest(), past=False)).body)
    sys.stdout.buffer.flush()
    return 0
