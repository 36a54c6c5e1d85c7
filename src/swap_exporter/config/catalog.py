"""The built-in entries."""

from importlib import resources

CATALOG_NAME = "catalog.yaml"
"""How messages and ``Entry.where`` call the file."""


def catalog_text() -> str:
    """The catalogue as shipped: the YAML of a configuration that has nothing but ``process_names``."""
    return resources.files("swap_exporter.grouping").joinpath(CATALOG_NAME).read_text(encoding="utf-8")
