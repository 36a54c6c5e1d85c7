"""Logs on standard error: one line per event, in logfmt or JSON."""

import json
import logging
import sys
from datetime import UTC, datetime
from traceback import format_exception

LEVELS = ("debug", "info", "warn", "error")
FORMATS = ("logfmt", "json")

_logger = logging.getLogger("swap_exporter")


def configure(level: str, form: str) -> None:
    """Write events of ``level`` and above to standard error. An event that cannot be written is dropped."""
    logging.raiseExceptions = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Logfmt() if form == "logfmt" else _Json())
    _logger.handlers[:] = [handler]
    _logger.propagate = False
    _logger.setLevel({"warn": "WARNING"}.get(level, level.upper()))


def debug(message: str, **fields: object) -> None:
    _logger.debug(message, extra={"fields": fields})


def info(message: str, **fields: object) -> None:
    _logger.info(message, extra={"fields": fields})


def warn(message: str, **fields: object) -> None:
    _logger.warning(message, extra={"fields": fields})


def error(message: str, **fields: object) -> None:
    _logger.error(message, extra={"fields": fields})


def unexpected(message: str, exception: Exception, **fields: object) -> None:
    """Log an unhandled exception: one line at level error, the traceback at level debug."""
    error(message, **fields, reason=f"{type(exception).__name__}: {exception}")
    debug(message, **fields, traceback="".join(format_exception(exception)))


def _event(record: logging.LogRecord) -> dict[str, object]:
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return {
        "ts": time.replace("+00:00", "Z"),
        "level": {"WARNING": "warn"}.get(record.levelname, record.levelname.lower()),
        "msg": record.getMessage(),
        **getattr(record, "fields", {}),
    }


class _Logfmt(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{key}={_quote(str(value))}" for key, value in _event(record).items())


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_event(record), default=str)


def _quote(text: str) -> str:
    """Unchanged if it is one plain word, else a JSON string, so no value can forge a line or a field."""
    plain = text.isascii() and text.isprintable() and not set(text) & set(' "=\\')
    return text if plain and text else json.dumps(text)
