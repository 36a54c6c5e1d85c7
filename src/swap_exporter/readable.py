"""Formats sizes, times and names for people, alike on the page, in the report and in all other commands."""


def size(number: float) -> str:
    """Bytes: ``412 B``, ``3.4 KiB``, ``402 MiB``, ``16 GiB``, ``10.7 GiB``."""
    value, unit = float(number), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        # Round before comparing, or 1023.99 would be printed as 1024.
        if round(value) < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.1f}".removesuffix(".0") + f" {unit}" if round(value, 1) < 100 else f"{value:.0f} {unit}"


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
    """A delay: ``9ms``, ``0.2s``, ``12s``, ``2m 5s``."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f}ms"
    return f"{seconds:.1f}s" if seconds < 10 else duration(seconds)


def printable(text: str, longest: int = 80) -> str:
    """One line without characters that move the cursor, reverse the text direction or are invisible."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def plural(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
