"""``check-config`` and ``catalog``."""

import sys

from swap_exporter import config
from swap_exporter.cli.flags import Options


def check_config(options: Options) -> int:
    """Exit 0, or print every mistake and exit 1."""
    try:
        configuration = config.load(options.file)
    except config.ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    own = sum(not entry.builtin for entry in configuration.entries)
    print(f"{options.file}: ok, {own} entries and {len(configuration.entries) - own} of the catalogue")
    return 0


def catalog() -> int:
    """Print the built-in entries as the YAML that they are."""
    sys.stdout.write(config.catalog_text())
    return 0
