"""``once``: one exposition, on standard output or in a file for node_exporter's textfile collector."""

import stat
from pathlib import Path

from swap_exporter.cli import wiring
from swap_exporter.cli.flags import Options
from swap_exporter.cli.output import standard_output
from swap_exporter.errors import FatalError
from swap_exporter.exposition.render import families, render
from swap_exporter.replacing import replace_file

MODE = 0o644
"""Readable by all, because node_exporter runs as another user."""


def once(options: Options) -> int:
    """Write the metrics that one sample can give. Raises :class:`FatalError`, and keeps an old file then."""
    target = None if options.output is None else _target(options.output)
    pipeline = wiring.pipeline(options, wiring.configuration(options))
    body = render(families(pipeline.latest(), with_history=False)).body
    if target is None:
        with standard_output() as out:
            out.buffer.write(body)
        return 0
    try:
        replace_file(target, body, MODE)
    except OSError as error:
        raise _unwritable(options.output, error) from error
    return 0


def _target(path: str) -> Path:
    """The file to replace; for a link, its target. A device or a pipe must not be replaced."""
    try:
        target = Path(path).resolve()
        kind = target.stat().st_mode
    except FileNotFoundError:
        return target
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a loop of links
        raise _unwritable(path, error) from error
    if not stat.S_ISREG(kind):
        what = "is a directory" if stat.S_ISDIR(kind) else "is not a regular file"
        raise FatalError(f"--output: {path}: {what}, expected a file to replace")
    return target


def _unwritable(path: str | None, error: Exception) -> FatalError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return FatalError(f"--output: {path}: cannot be written: {reason}")
