"""``check-config`` and ``catalog``."""

import re

from swap_exporter import config
from swap_exporter.cli.flags import Options
from swap_exporter.cli.output import complain, standard_output


def check_config(options: Options) -> int:
    """Exit 0, or print every mistake and exit 1."""
    try:
        configuration = config.load(options.file)
    except config.ConfigError as error:
        complain(str(error))
        return 1
    own = sum(not entry.builtin for entry in configuration.entries)
    builtin = len(configuration.entries) - own
    with standard_output() as out:
        print(f"{options.file}: ok, {own} entries and {builtin} of the catalogue", file=out)
    return 0


def catalog() -> int:
    """Print the built-in entries as a configuration file: without ``heartbeat``, which only the catalogue may
    set."""
    text = re.sub(r", heartbeat: [\d.]+(?=\})", "", config.catalog_text())
    with standard_output() as out:
        out.write(text)
    return 0
