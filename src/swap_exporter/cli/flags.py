"""The command line: flags are the Prometheus ecosystem's, and go before or after the command."""

import argparse
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn
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
    """What the command line asks for."""

    command: str
    config_file: str | None
    procfs: str
    sysfs: str
    cgroupfs: str
    state_file: str | None
    collectors: frozenset[str]
    log_level: str
    log_format: str
    listen_addresses: tuple[str, ...]
    telemetry_path: str
    web_config_file: str | None
    systemd_socket: bool
    max_requests: int
    enable_lifecycle: bool
    exporter_metrics: bool
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


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line. Wrong usage ends the program with one line and exit status 2."""
    shared = _shared_flags()
    parser = _Parser(
        prog="swap-exporter",
        description="Shows which processes are stranded in swap, and what that will cost.",
        epilog="Without a command it serves.",
        parents=[shared, _without_defaults(_web_flags())],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"swap-exporter {__version__}")
    # Flags given after the command must not be overwritten by the defaults of the command's own parser.
    again = _without_defaults(_shared_flags())
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def command(name: str, summary: str, *parents: "_Parser") -> "_Parser":
        return commands.add_parser(
            name, help=summary, description=summary, parents=[again, *parents], allow_abbrev=False
        )

    command("serve", "serve metrics over HTTP (the default command)", _without_defaults(_web_flags()))
    _report_flags(command("report", "one table: what is in swap, what is stranded, what waking costs"))
    explain = command("explain", "which entry claims a process, its group, role and verdict, and why")
    explain.add_argument("pid", metavar="PID", type=_positive)
    explain.add_argument("--all", action="store_true", help="why each of the other entries does not claim it")
    _asking_flags(explain)
    once = command("once", "one exposition, without the metrics that need a history")
    once.add_argument(
        "--output",
        metavar="FILE",
        help="replace this file in one step, for the textfile collector; default: standard output",
    )
    check = command("check-config", "check a configuration file: exit 0, or every mistake and exit 1")
    check.add_argument("file", metavar="FILE")
    command("catalog", "print the built-in entries")
    given, unknown = parser.parse_known_args(arguments)
    serving = _web_flags()
    chosen = commands.choices.get(given.command, parser)
    if unknown:
        chosen.refuse(unknown[0], serving)
    if given.command not in (None, "serve"):
        # Before the command they are understood, but only serve would use them.
        for action in serving._actions:
            if hasattr(given, action.dest):
                chosen.refuse(action.option_strings[0], serving)
    return _options(serving.parse_args([], given))


def _shared_flags() -> "_Parser":
    flags = _Parser(add_help=False, allow_abbrev=False)
    flags.add_argument(
        "--config.file", metavar="FILE", help="configuration; without it the built-in catalogue"
    )
    flags.add_argument("--path.procfs", metavar="DIR", default="/proc", help="default: %(default)s")
    flags.add_argument("--path.sysfs", metavar="DIR", default="/sys", help="default: %(default)s")
    flags.add_argument(
        "--path.cgroupfs", metavar="DIR", default="/sys/fs/cgroup", help="default: %(default)s"
    )
    flags.add_argument("--state.file", metavar="FILE", help="resume from this file after a restart")
    for name in sorted(COLLECTORS):
        flags.add_argument(
            f"--collector.{name}",
            action=_Switch,
            default=True,
            help=f"{_COLLECTORS[name]} (default: on)",
        )
    flags.add_argument("--log.level", choices=log.LEVELS, default="info", help="default: %(default)s")
    flags.add_argument("--log.format", choices=log.FORMATS, default="logfmt", help="default: %(default)s")
    return flags


def _web_flags() -> "_Parser":
    flags = _Parser(add_help=False, allow_abbrev=False)
    web = flags.add_argument_group("serving")
    web.add_argument(
        "--web.listen-address",
        metavar="ADDRESS",
        action="append",
        help="address to listen on, repeatable; default: :10059",
    )
    web.add_argument(
        "--web.telemetry-path", metavar="PATH", type=_path, default="/metrics", help="default: %(default)s"
    )
    web.add_argument(
        "--web.config.file", metavar="FILE", help="TLS and users, in the exporter-toolkit's format"
    )
    web.add_argument("--web.systemd-socket", action="store_true", help="use the sockets that systemd passes")
    web.add_argument(
        "--web.max-requests",
        metavar="N",
        type=_whole,
        default=40,
        help="scrapes at the same time, 0: no limit; default: %(default)s",
    )
    web.add_argument(
        "--web.enable-lifecycle",
        action="store_true",
        help="reload the configuration on POST /-/reload; SIGHUP always does",
    )
    web.add_argument(
        "--web.disable-exporter-metrics",
        action="store_true",
        help="leave out process_* and python_* of the exporter itself",
    )
    return flags


def _report_flags(parser: "_Parser") -> None:
    flags = parser.add_argument_group("reporting")
    flags.add_argument(
        "--interval",
        metavar="SECONDS",
        type=_seconds,
        default=2.0,
        help="between the two samples; default: %(default)g",
    )
    flags.add_argument(
        "--top", metavar="N", type=_positive, help="groups and commands to show; default: 10, with --json all"
    )
    flags.add_argument(
        "--processes", action="store_true", help="show the processes of each group and command"
    )
    flags.add_argument("--json", action="store_true", help="for scripts; docs/report.md describes it")
    _asking_flags(parser)


def _asking_flags(parser: "_Parser") -> None:
    flags = parser.add_argument_group("asking an exporter")
    flags.add_argument(
        "--from",
        metavar="URL",
        type=_url,
        help="the exporter to ask for verdicts; default: http://127.0.0.1:10059/metrics, if it answers",
    )
    flags.add_argument(
        "--http.config.file",
        metavar="FILE",
        help="user, password and CA for that exporter, in the format that promtool reads",
    )


def _without_defaults(flags: "_Parser") -> "_Parser":
    for action in flags._actions:
        # Filled in here: argparse would look for the default that is removed below.
        action.help = action.help and (action.help % vars(action)).replace("%", "%%")
        action.default = argparse.SUPPRESS
    return flags


def _options(given: argparse.Namespace) -> Options:
    values = vars(given)
    return Options(
        command=values["command"] or "serve",
        config_file=values["config.file"],
        procfs=values["path.procfs"],
        sysfs=values["path.sysfs"],
        cgroupfs=values["path.cgroupfs"],
        state_file=values["state.file"],
        collectors=frozenset(name for name in COLLECTORS if values[f"collector.{name}"]),
        log_level=values["log.level"],
        log_format=values["log.format"],
        listen_addresses=tuple(values["web.listen_address"] or [":10059"]),
        telemetry_path=values["web.telemetry_path"],
        web_config_file=values["web.config.file"],
        systemd_socket=values["web.systemd_socket"],
        max_requests=values["web.max_requests"],
        enable_lifecycle=values["web.enable_lifecycle"],
        exporter_metrics=not values["web.disable_exporter_metrics"],
        pid=values.get("pid"),
        file=values.get("file"),
        interval=values.get("interval", 2.0),
        top=values.get("top"),
        processes=values.get("processes", False),
        json=values.get("json", False),
        exporter=values.get("from"),
        output=values.get("output"),
        http_config_file=values.get("http.config.file"),
        all=values.get("all", False),
    )


class _Switch(argparse.BooleanOptionalAction):
    """``--collector.NAME`` and ``--no-collector.NAME``."""

    def format_usage(self) -> str:
        return f"--[no-]{self.option_strings[0].removeprefix('--')}"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def refuse(self, argument: str, serving: "_Parser") -> NoReturn:
        """End with a line on an argument that this command does not take. ``serving``: flags of serve."""
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


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f'found "{text}", expected a whole number from 1 on')
    return int(text)


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f'found "{text}", expected a whole number from 0 on')
    return int(text)


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
