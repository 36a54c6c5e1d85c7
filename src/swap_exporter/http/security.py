"""Applies web.yml to clients and answers, and reloads it while the server runs."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from time import monotonic

from swap_exporter import log
from swap_exporter.http.rate_limit import TokenBucket
from swap_exporter.http.tls import TlsError, build_context
from swap_exporter.http.users import Users, cost_warnings
from swap_exporter.http.web_config import WebConfig, WebConfigError, load_web_config

_Stamp = tuple[Path, int, int, int, int] | None


@dataclass(frozen=True, slots=True)
class Rules:
    """What web.yml and the files that it names require, ready for use."""

    context: ssl.SSLContext | None = None
    allowed_sans: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Users | None = None
    bucket: TokenBucket | None = None


class Security:
    """Checks the files for changes before each handshake and request, with a few stat calls.

    Changed files are read again. If they are unusable, the previous rules stay, and an error is logged.
    """

    def __init__(self, config: WebConfig | None, max_waiting: int) -> None:
        """`max_waiting`: password checks that may wait.

        Raises WebConfigError for an unusable certificate.
        """
        self._config = config
        self._max_waiting = max_waiting
        self._lock = Lock()
        self._stamps: tuple[_Stamp, ...] = ()
        self._rules = Rules() if config is None else _build(config, None, Rules(), max_waiting)
        if config is not None:
            _warn_about_costs(config)

    def rules(self) -> Rules:
        """The current rules."""
        if self._config is None:
            return self._rules
        with self._lock:
            # Before the files are read, so that a change during the read is seen at the next call.
            stamps = _stamps(self._config)
            if stamps != self._stamps:
                self._reload(self._config)
                self._stamps = stamps
            return self._rules

    def _reload(self, running: WebConfig) -> None:
        try:
            config = load_web_config(running.path)
            if (config.tls is None) != (running.tls is None):
                raise WebConfigError(
                    (f"{running.path}: adding or removing tls_server_config needs a restart",)
                )
            self._rules = _build(config, running, self._rules, self._max_waiting)
            self._config = config
            if config.users != running.users:
                _warn_about_costs(config)
        except WebConfigError as error:
            log.error(
                "web configuration not reloaded, the running one stays", error="; ".join(error.excerpt())
            )


def _warn_about_costs(config: WebConfig) -> None:
    for reason in cost_warnings(config.users):
        log.warn("unsuitable bcrypt costs", path=config.path, reason=reason)


def _build(config: WebConfig, running: WebConfig | None, rules: Rules, max_waiting: int) -> Rules:
    users, bucket = rules.users, rules.bucket
    # Cached passwords and the token bucket survive a change of other sections.
    if running is None or config.users != running.users:
        users = Users(config.users, max_waiting) if config.users else None
    if running is None or config.rate_limit != running.rate_limit:
        bucket = TokenBucket(config.rate_limit, monotonic()) if config.rate_limit else None
    try:
        context = build_context(config.tls) if config.tls else None
    except TlsError as error:
        raise WebConfigError((f"{config.path}: tls_server_config: {error}",)) from None
    return Rules(
        context=context,
        allowed_sans=config.tls.client_allowed_sans if config.tls else (),
        headers=config.headers,
        users=users,
        bucket=bucket,
    )


def _stamps(config: WebConfig) -> tuple[_Stamp, ...]:
    """The state of web.yml and of the files that it names, to detect changes."""
    return tuple(map(_stamp, (config.path, *(config.tls.files() if config.tls else ()))))


def _stamp(path: Path) -> _Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return path, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size
