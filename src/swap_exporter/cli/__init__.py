"""The command line: flags, wiring and signals."""

import signal
import sys
from collections.abc import Sequence

from swap_exporter.cli.flags import Options, parse
from swap_exporter.cli.output import complain, flush_standard_error, standard_output
from swap_exporter.errors import FatalError

FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 1 for a failure, 2 for wrong usage."""
    try:
        return _run(_parse(sys.argv[1:] if arguments is None else arguments))
    except FatalError as error:
        complain(f"swap-exporter: {error}")
        return FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        flush_standard_error()


def _parse(arguments: Sequence[str]) -> Options:
    try:
        return parse(arguments)
    except SystemExit as ended:
        if not ended.code:  # --help or --version was printed
            with standard_output():
                pass
        raise


def _run(options: Options) -> int:
    # Each command is imported on demand: the daemon does not pay for the memory of the others.
    if options.command == "serve":
        from swap_exporter.cli.serve import serve

        return serve(options)
    # A reader that exits early (`| head`) ends a command quietly, like any other program.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if options.command == "once":
        from swap_exporter.cli.once import once

        return once(options)
    if options.command == "report":
        from swap_exporter.cli.report import report

        return report(options)
    if options.command == "explain":
        from swap_exporter.cli.explain import explain

        return explain(options)
    from swap_exporter.cli.configuration import catalog, check_config

    return catalog() if options.command == "catalog" else check_config(options)
