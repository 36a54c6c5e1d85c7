"""What the Python servers serve; runs in their environment. Every answer is the pid that gave it.

/           at once
/cpu?ms=N   after burning N milliseconds of CPU time
/heap       after reading every page of the heap
"""

import os
import time
from urllib.parse import parse_qs

PAGE = 4096
MEGABYTE = 1 << 20

# Random, so that no page is zero or like another. Made at import: by the master if it preloads.
shared = [os.urandom(MEGABYTE) for _ in range(int(os.environ.get("SHARED_MEGABYTES", "0")))]
private: list[bytes] = []


def fill() -> None:
    """Give this worker its private heap; called once it runs."""
    if not private:
        private.extend(os.urandom(MEGABYTE) for _ in range(int(os.environ.get("PRIVATE_MEGABYTES", "0"))))


def answer(path: str, query: str) -> bytes:
    if path == "/cpu":
        end = time.thread_time() + float(parse_qs(query)["ms"][0]) / 1000
        while time.thread_time() < end:
            pass
    elif path == "/heap":
        for block in (*shared, *private):
            block[::PAGE]
    return str(os.getpid()).encode()


def wsgi(environ, start_response):  # type: ignore[no-untyped-def]
    body = answer(environ["PATH_INFO"], environ["QUERY_STRING"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):  # type: ignore[no-untyped-def]
    if scope["type"] == "lifespan":
        await receive()
        fill()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = answer(scope["path"], scope["query_string"].decode())
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
