"""The command line. Flags are named as in the Prometheus ecosystem, and go before or after the command."""

import argparse
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlsplit

from swap_exporter import __version__, log
from swap_exporter.details import details
from swap_exporter.readable import printable
from swap_exporter.sampling import host

USAGE_ERROR = 2

_COLLECTORS = {
    "cgroup": "memory cgroups of grouped processes",
    "meminfo": "size and use of memory and swap",
    "pressure": "pressure stall information of memory",
    "proportional": "SwapPss, within its share of time",
    "swaps": "swap devices",
    "sysvipc": "System V shared memory in swap",
    "taskstats": "swap-in of each process, from delay accounting",
    "vmstat": "swap-in and swap-out of the host",
    "zram": "zram devices",
}
COLLECTORS = host.COLLECTORS | details.COLLECTORS


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for, with the default of each flag."""

    command: str = "serve"
    config_file: str | None = None
    procfs: str = "/proc"
    sysfs: str = "/sys"
    cgroupfs: str = "/sys/fs/cgroup"
    state_file: str | None = None
    collectors: frozenset[str] = COLLECTORS
    log_level: str = "info"
    log_format: str = "logfmt"
    listen_addresses: Sequence[str] = (":10059",)
    telemetry_path: str = "/metrics"
    web_config_file: str | None = None
    systemd_socket: bool = False
    max_requests: int = 40
    enable_lifecycle: bool = False
    exporter_metrics: bool = True
    pid: int | None = None
    file: str | None = None
    interval: float = 2.0
    top: int | None = None
    processes: bool = False
    json: bool = False
    exporter: str | None = None
    output: str | None = None
    http_config_file: str | None = None
    all: bool = False


_DEFAULTS = Options()


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line. Wrong usage ends the program with one line and exit status 2."""
    shared, serving = _shared_flags(), _web_flags()
    parser = _Parser(
        prog="swap-exporter",
        description="Shows which processes are stranded in swap, and what that will cost.",
        epilog="The default command is serve.",
        parents=[shared, serving],
    )
    parser.add_argument("--version", action="version", version=f"swap-exporter {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def command(name: str, summary: str, *parents: "_Parser") -> "_Parser":
        return commands.add_parser(name, help=summary, description=summary, parents=[shared, *parents])

    command("serve", "serve metrics over HTTP (the default command)", serving)
    _report_flags(command("report", "print one table: what is in swap, what is stranded, what waking costs"))
    explain = command("explain", "show which entry claims a process, its group, role and verdict, and why")
    explain.add_argument("pid", metavar="PID", type=_positive)
    explain.add_argument(
        "--all", action="store_true", help="show why each of the other entries does not claim it"
    )
    _asking_flags(explain)
    once = command("once", "print one exposition, without the metrics that need a history")
    once.add_argument(
        "--output",
        metavar="FILE",
        help="replace this file atomically, for the textfile collector; default: standard output",
    )
    check = command("check-config", "check a configuration file: exit 0, or print every mistake and exit 1")
    check.add_argument("file", metavar="FILE")
    command("catalog", "print the built-in entries")
    given, refused = parser.parse_known_args(arguments)
    if given.command not in (None, "serve"):
        # The main parser accepts them before any command, but only serve uses them.
        refused += [argument for argument in arguments if argument.partition("=")[0] in serving.options]
    if refused:
        commands.choices.get(given.command, parser).refuse(refused[0], serving)
    return _options(vars(given))


def _options(given: dict[str, Any]) -> Options:
    command = given.pop("command") or _DEFAULTS.command
    off = {name for name in COLLECTORS if not given.pop(f"collector.{name}", True)}
    return Options(command=command, collectors=COLLECTORS - off, **given)


def _shared_flags() -> "_Parser":
    flags = _Parser(add_help=False)
    flags.add_argument(
        "--config.file",
        metavar="FILE",
        dest="config_file",
        help="configuration; without it the built-in catalogue is used",
    )
    for name in ("procfs", "sysfs", "cgroupfs"):
        default = getattr(_DEFAULTS, name)
        flags.add_argument(f"--path.{name}", metavar="DIR", dest=name, help=f"default: {default}")
    flags.add_argument(
        "--state.file", metavar="FILE", dest="state_file", help="resume from this file after a restart"
    )
    for name in sorted(COLLECTORS):
        flags.add_argument(f"--collector.{name}", action=_Switch, help=f"{_COLLECTORS[name]} (default: on)")
    flags.add_argument(
        "--log.level", choices=log.LEVELS, dest="log_level", help=f"default: {_DEFAULTS.log_level}"
    )
    flags.add_argument(
        "--log.format", choices=log.FORMATS, dest="log_format", help=f"default: {_DEFAULTS.log_format}"
    )
    return flags


def _web_flags() -> "_Parser":
    flags = _Parser(add_help=False)
    web = flags.add_argument_group("serving")
    web.add_argument(
        "--web.listen-address",
        metavar="ADDRESS",
        action="append",
        dest="listen_addresses",
        help=f"address to listen on, repeatable; default: {_DEFAULTS.listen_addresses[0]}",
    )
    web.add_argument(
        "--web.telemetry-path",
        metavar="PATH",
        type=_path,
        dest="telemetry_path",
        help=f"default: {_DEFAULTS.telemetry_path}",
    )
    web.add_argument(
        "--web.config.file",
        metavar="FILE",
        dest="web_config_file",
        help="TLS and users, in the exporter-toolkit's format",
    )
    web.add_argument(
        "--web.systemd-socket",
        action="store_true",
        dest="systemd_socket",
        help="use the sockets that systemd passes",
    )
    web.add_argument(
        "--web.max-requests",
        metavar="N",
        type=_whole,
        dest="max_requests",
        help=f"maximum number of parallel scrapes, 0: no limit; default: {_DEFAULTS.max_requests}",
    )
    web.add_argument(
        "--web.enable-lifecycle",
        action="store_true",
        dest="enable_lifecycle",
        help="reload the configuration on POST /-/reload; SIGHUP always does",
    )
    web.add_argument(
        "--web.disable-exporter-metrics",
        action="store_false",
        dest="exporter_metrics",
        help="exclude the exporter's own process_* and python_*",
    )
    return flags


def _report_flags(parser: "_Parser") -> None:
    flags = parser.add_argument_group("reporting")
    flags.add_argument(
        "--interval",
        metavar="SECONDS",
        type=_seconds,
        help=f"time between the two samples; default: {_DEFAULTS.interval:g}",
    )
    flags.add_argument(
        "--top", metavar="N", type=_positive, help="groups and commands to show; default: 10, with --json all"
    )
    flags.add_argument(
        "--processes", action="store_true", help="show the processes of each group and command"
    )
    flags.add_argument("--json", action="store_true", help="JSON for scripts, described in docs/report.md")
    _asking_flags(parser)


def _asking_flags(parser: "_Parser") -> None:
    flags = parser.add_argument_group("asking an exporter")
    flags.add_argument(
        "--from",
        metavar="URL",
        type=_url,
        dest="exporter",
        help="exporter to ask for verdicts; default: http://127.0.0.1:10059/metrics, if it answers",
    )
    flags.add_argument(
        "--http.config.file",
        metavar="FILE",
        dest="http_config_file",
        help="user, password and CA for that exporter, in the format that promtool reads",
    )


class _Switch(argparse.BooleanOptionalAction):
    """``--collector.NAME`` and ``--no-collector.NAME``."""

    def format_usage(self) -> str:
        return f"--[no-]{self.option_strings[0].removeprefix('--')}"


class _Parser(argparse.ArgumentParser):
    """Reports a mistake in one line. The result has only flags that were given: otherwise the parser of a
    command would overwrite a flag before the command with the default."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, argument_default=argparse.SUPPRESS, **settings)

    def refuse(self, argument: str, serving: "_Parser") -> NoReturn:
        """Exit because this command does not take the argument. ``serving``: the flags of serve."""
        flag = printable(argument.partition("=")[0])
        if flag in serving.options:
            self.error(f"{self.prog.rpartition(' ')[2]} takes no flag {flag}, only serve does")
        close = difflib.get_close_matches(flag, self.options, 1)
        meant = f", did you mean {close[0]}?" if close else ""
        self.error(f"unknown {'flag' if flag.startswith('-') else 'argument'} {flag}{meant}")

    @property
    def options(self) -> list[str]:
        return [option for action in self._actions for option in action.option_strings]

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {message}; see {self.prog} --help\n")


def _whole(text: str, at_least: int = 0) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= at_least):
        raise argparse.ArgumentTypeError(f'found "{text}", expected a whole number, at least {at_least}')
    return int(text)


def _positive(text: str) -> int:
    return _whole(text, 1)


def _path(text: str) -> str:
    taken = text == "/" or text.startswith(("/-/", "/api/"))
    if not text.startswith("/") or taken or set(text) & set("?#% "):
        raise argparse.ArgumentTypeError(
            f'found "{text}", expected a path such as /metrics, not /, /-/... or /api/...'
        )
    return text


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,4}(\.\d{1,3})?", text, re.ASCII) or not 0.1 <= float(text) <= 3600:
        raise argparse.ArgumentTypeError(f'found "{text}", expected seconds from 0.1 to 3600')
    return float(text)


def _url(text: str) -> str:
    try:
        url = urlsplit(text)
        if "@" in url.netloc:
            raise argparse.ArgumentTypeError(
                "found a user in the URL, which every process can read; expected it in --http.config.file"
            )
        usable = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        usable = False
    if not (usable and re.fullmatch("[!-~]+", text)):
        raise argparse.ArgumentTypeError(
            f'found "{text}", expected a URL such as http://127.0.0.1:10059/metrics'
        )
    return text if url.path.strip("/") else f"{text.rstrip('/')}/metrics"
