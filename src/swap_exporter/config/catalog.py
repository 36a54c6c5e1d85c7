"""The built-in entries."""

import re
from importlib import resources

CATALOG_NAME = "catalog.yaml"
"""The name of the file in messages and in ``Entry.where``."""

_INTERPRETERS = {
    "PYTHON": r"(?:(?:\S*/)?(?:python|pypy)[\d.]*(?: -(?:[WX] ?\S+|[bBdEiIOPqRsSuvx]+))* (?:-m )?)?(?:\S*/)?",
    "RUBY": r"(?:(?:\S*/)?ruby[\d.]*(?: -\S+)* )?(?:\S*/)?",
    "PERL": r"(?:(?:\S*/)?perl[\d.]*(?: -\S+)* )?(?:\S*/)?",
}
"""What can precede the name of a script in a command line: an interpreter with options, and a directory."""


def catalog_text() -> str:
    """The YAML of a configuration that has nothing but ``process_names``.

    The file abbreviates parts of its patterns as ``%{PYTHON}`` and the like; here they are complete.
    """
    text = resources.files("swap_exporter.grouping").joinpath(CATALOG_NAME).read_text(encoding="utf-8")
    return re.sub(r"%\{(\w+)\}", lambda found: _INTERPRETERS[found[1]], text)
