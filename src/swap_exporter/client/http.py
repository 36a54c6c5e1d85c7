"""One GET request to an exporter, with a limit on time and size. Every error is one line."""

import ssl
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from threading import Thread
from urllib.parse import urlsplit

from swap_exporter.client.config import HttpConfig, default_context
from swap_exporter.readable import printable

LARGEST = 64 << 20
"""Maximum bytes of an answer; an exposition of 500 groups has less than 2 MiB."""


class AskError(Exception):
    """Why a request to an exporter failed: one line for people, which starts with the URL."""

    def __init__(self, message: str, *, absent: bool = False) -> None:
        super().__init__(message)
        self.absent = absent
        """No program listens at the address."""


def fetch(url: str, timeout: float, config: HttpConfig | None = None, accept: str = "text/plain") -> bytes:
    """The body of a 200 answer, within ``timeout`` seconds in all. Uses no proxy, follows no redirect.

    Raises :class:`AskError`.
    """
    outcome: list[bytes | AskError] = []

    def ask() -> None:
        try:
            outcome.append(_fetch(url, timeout, config or HttpConfig(), accept))
        except AskError as error:
            outcome.append(error)

    # The timeout of a socket limits each read, not the whole answer.
    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout)
    answer = outcome[0] if outcome else AskError(f"{url}: has not answered within {timeout:g} s")
    if isinstance(answer, AskError):
        raise answer
    return answer


def _fetch(url: str, timeout: float, config: HttpConfig, accept: str) -> bytes:
    connection = _connection(url, timeout, config)
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Accept": accept, "Connection": "close"}
    if config.authorization is not None:
        headers["Authorization"] = config.authorization
    try:
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise AskError(f"{url}: {_refusal(answer, config)}")
        body = answer.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise AskError(f"{url}: answers with more than {LARGEST >> 20} MiB")
        if answer.length:
            raise AskError(f"{url}: its answer breaks off after {len(body)} bytes")
        return body
    except TimeoutError as error:
        raise AskError(f"{url}: has not answered within {timeout:g} s") from error
    except ssl.SSLCertVerificationError as error:
        raise AskError(
            f"{url}: its certificate is refused: {error.verify_message.rstrip('.')}; "
            "tls_config of --http.config.file names a CA"
        ) from error
    except ssl.SSLError as error:
        reason = (error.reason or "it ended the connection").lower().replace("_", " ")
        raise AskError(f"{url}: TLS fails: {reason}") from error
    except OSError as error:
        raise AskError(
            f"{url}: {error.strerror or error}", absent=isinstance(error, ConnectionRefusedError)
        ) from error
    except (HTTPException, ValueError) as error:
        raise AskError(f"{url}: does not answer as an HTTP server does") from error
    finally:
        connection.close()


def _connection(url: str, timeout: float, config: HttpConfig) -> HTTPConnection:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return _TlsConnection(host, parts.port, timeout, config)
    return HTTPConnection(host, parts.port or 80, timeout=timeout)


def _refusal(answer: HTTPResponse, config: HttpConfig) -> str:
    status = f"answers {answer.status} {printable(answer.reason)}"
    if answer.status != 401:
        return f"{status}{_reason(answer)}"
    if config.authorization is not None:
        return f"{status}: it refuses the credentials of --http.config.file"
    return f"{status}: it needs a user and a password, which --http.config.file gives"


def _reason(answer: HTTPResponse) -> str:
    """The first line of the body, if it is plain text."""
    if not answer.getheader("Content-Type", "").startswith("text/plain"):
        return ""
    first = answer.read(400).decode(errors="replace").strip().partition("\n")[0].strip()
    return f": {printable(first)}" if first else ""


class _TlsConnection(HTTPSConnection):
    """HTTPS that expects ``server_name`` in the certificate."""

    def __init__(self, host: str, port: int | None, timeout: float, config: HttpConfig) -> None:
        context = config.context or default_context()
        super().__init__(host, port or 443, timeout=timeout, context=context)
        self._tls = context
        self._server_name = config.server_name or host

    def connect(self) -> None:
        HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._server_name)
