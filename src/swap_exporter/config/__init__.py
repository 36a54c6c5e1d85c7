"""Strict YAML to settings. Reports all mistakes at once, each with its line and column."""

from swap_exporter.config.catalog import catalog_text
from swap_exporter.config.configuration import load, parse
from swap_exporter.config.mistakes import ConfigError

__all__ = ["ConfigError", "catalog_text", "load", "parse"]
