"""Fetches from a running exporter, for ``report`` and ``explain``."""

import signal

from swap_exporter import config
from swap_exporter.cli.flags import Options
from swap_exporter.client import http
from swap_exporter.client.config import load_http_config
from swap_exporter.errors import FatalError

LOCAL = "http://127.0.0.1:10059/metrics"
"""The default URL. On most hosts no exporter listens there, and the connection is refused at once."""

LOCAL_TIMEOUT = 2.0
NAMED_TIMEOUT = 10.0


def fetch(options: Options, url: str, accept: str = "text/plain") -> bytes:
    """The body of the answer. Raises :class:`~swap_exporter.client.http.AskError`, and :class:`FatalError`
    if ``--http.config.file`` cannot be used."""
    try:
        settings = load_http_config(options.http_config_file) if options.http_config_file else None
    except config.ConfigError as error:
        raise FatalError(str(error)) from error
    # If the exporter closes the connection, that is an error to report, and must not kill this command.
    piped = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        return http.fetch(url, NAMED_TIMEOUT if options.exporter else LOCAL_TIMEOUT, settings, accept)
    finally:
        signal.signal(signal.SIGPIPE, piped)
