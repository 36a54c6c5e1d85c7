"""Numbers as people read them: sizes as ``free -h`` prints them, so that the two can be laid side by side."""


def size(number: float) -> str:
    """Bytes: ``0B``, ``4.0Ki``, ``402Mi``, ``1.3Gi``."""
    value, unit = float(number), "B"
    for larger in ("Ki", "Mi", "Gi", "Ti", "Pi"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.1f}{unit}" if unit != "B" and value < 9.95 else f"{int(value)}{unit}"


def duration(seconds: float) -> str:
    """The two largest units: ``3d 4h``, ``5m``, ``42s``."""
    left = int(seconds)
    parts: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        number, left = divmod(left, length)
        if number:
            parts.append(f"{number}{unit}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts) or "0s"


def short_time(seconds: float) -> str:
    """A time to wait: ``9ms``, ``0.2s``, ``12s``, ``2m 5s``."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f}ms"
    return f"{seconds:.1f}s" if seconds < 10 else duration(seconds)


def printable(text: str, longest: int = 80) -> str:
    """One line with nothing in it that moves a cursor, turns the direction of writing or is not seen."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def plural(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
