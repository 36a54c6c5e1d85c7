"""One module a family; each names its class FAMILY."""

import importlib
import pkgutil

from tests.zoo.family import Family


def families() -> dict[str, type[Family]]:
    """By name, in the order of the modules' names."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    found = (importlib.import_module(f"{__name__}.{name}") for name in sorted(modules))
    return {module.FAMILY.name: module.FAMILY for module in found if hasattr(module, "FAMILY")}
