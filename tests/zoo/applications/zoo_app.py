"""What the Python servers of the zoo serve. Runs in their environment, and in uwsgi's.

Every answer is the pid of the process that served. Parameters of a request:

ms      milliseconds of CPU time to burn
touch   percent of the heap to read
hold    milliseconds to sleep, so that another worker takes the next request
"""

import os
import time
from urllib.parse import parse_qs

PAGE = 4096
BLOCK = 1 << 18

# Random, so that no page is zero or like another. Made at import: by the master if it preloads.
heap = [os.urandom(BLOCK) for _ in range(int(os.environ.get("HEAP_MIB", "0")) * 4)]


def work(ms: float, touch: float, hold: float) -> int:
    end = time.thread_time() + ms / 1000
    for block in heap[: int(len(heap) * touch / 100)]:
        block[::PAGE]
    while time.thread_time() < end:
        pass
    if hold:
        time.sleep(hold / 1000)
    return os.getpid()


def answer(query: str) -> bytes:
    given = {name: float(values[0]) for name, values in parse_qs(query).items()}
    return str(work(given.get("ms", 0), given.get("touch", 0), given.get("hold", 0))).encode()


def wsgi(environ, start_response):  # type: ignore[no-untyped-def]
    body = answer(environ["QUERY_STRING"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):  # type: ignore[no-untyped-def]
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = answer(scope["query_string"].decode())
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
