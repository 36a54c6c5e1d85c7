"""Tells which processes lie stranded in swap, and what that will cost."""

__version__ = "0.1.0"
