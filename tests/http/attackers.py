"""Clients that mean no good, many at a time: `python attackers.py KIND ADDRESS COUNT SECONDS [OPTIONS]`.

Each comes again as soon as it is thrown out, until the time is over. Apart from the tests' own process, so
that neither the server nor the scraper that is measured shares its interpreter.
"""

import argparse
import asyncio
import base64
import collections
import concurrent.futures
import contextlib
import http.client
import json
import os
import ssl
import time

OUTCOMES: collections.Counter[str] = collections.Counter()
LARGE = b"/large"
CLIENT_HELLO = bytes.fromhex("16030100f8010000f40303") + bytes(range(40))


PASSWORD = "Basic " + base64.b64encode(b"prometheus:secret").decode()
ASK = b"GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: " + PASSWORD.encode() + b"\r\n"


async def trickle(reader, writer, tls):
    writer.write(ASK % b"/metrics" + b"X-Slow: ")
    while not reader.at_eof():
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.1)


async def silent(reader, writer, tls):
    await reader.read()


async def never_read(reader, writer, tls):
    writer.write(ASK % LARGE + b"\r\n")
    while not writer.transport.is_closing():
        await asyncio.sleep(0.05)


async def read_slowly(reader, writer, tls):
    writer.write(ASK % LARGE + b"\r\n")
    while await reader.read(1000):
        await asyncio.sleep(0.05)


async def garbage(reader, writer, tls):
    writer.write(os.urandom(3000) + b"\r\n\r\n")
    await reader.read()


async def oversized(reader, writer, tls):
    writer.write(b"GET /" + b"a" * 20_000)
    with contextlib.suppress(ConnectionError):
        while not reader.at_eof():
            writer.write(b"X-Long: " + b"a" * 60_000 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)


async def crlf(reader, writer, tls):
    while not reader.at_eof():
        writer.write(b"\r\n" * 50)
        await writer.drain()
        await asyncio.sleep(0)


async def hard_to_parse(reader, writer, tls):
    # Wrong at its last byte only: a pattern that tries each way to divide the blanks takes seconds to see it.
    writer.write(ASK % b"/metrics" + b"X-Blank:" + b" " * 16_000 + b"\0\r\n\r\n")
    OUTCOMES[(await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()] += 1


async def guess_passwords(reader, writer, tls):
    guess = base64.b64encode(b"prometheus:" + os.urandom(9).hex().encode())
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + guess + b"\r\n\r\n")
    OUTCOMES[(await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()] += 1


async def half_handshake(reader, writer, tls):
    writer.write(CLIENT_HELLO)
    await reader.read()


async def idle_after_answer(reader, writer, tls):
    writer.write(ASK % b"/metrics" + b"\r\n")
    await reader.readuntil(b"\r\n\r\n")
    await reader.read()


KINDS = {
    kind.__name__: kind
    for kind in (
        trickle,
        silent,
        never_read,
        read_slowly,
        garbage,
        oversized,
        crlf,
        hard_to_parse,
        guess_passwords,
        half_handshake,
        idle_after_answer,
    )
}
SPEAKS_TLS = set(KINDS.values()) - {silent, half_handshake}


async def attack(kind, host, port, tls, until):
    context = None
    if tls and kind in SPEAKS_TLS:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    while time.monotonic() < until:
        writer = None
        try:
            reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=4096)
            await kind(reader, writer, tls)
        except (OSError, EOFError, IndexError):
            OUTCOMES["cut"] += 1
            await asyncio.sleep(0.01)
        finally:
            if writer:
                writer.transport.abort()


def scrape(host, port, tls, until):
    """Not an attack: the outcome of one scrape, from a thread of its own."""
    connection = http.client.HTTPConnection(host, port, timeout=until - time.monotonic())
    if tls:
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(host, port, timeout=connection.timeout, context=context)
    try:
        connection.request("GET", "/metrics", headers={"Authorization": PASSWORD})
        answer = connection.getresponse()
        answer.read()
        return str(answer.status)
    except OSError:
        return "cut"
    finally:
        connection.close()


def scrape_again(host, port, tls, until):
    """Not an attack either: one scrape after the other."""
    outcomes = collections.Counter()
    while time.monotonic() < until - 0.2:
        outcomes[scrape(host, port, tls, until + 10)] += 1
    return outcomes


def scrape_once(*arguments):
    return [scrape(*arguments)]


def scrape_at_once(how, count, *arguments):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        for scraping in [pool.submit(how, *arguments) for _ in range(count)]:
            OUTCOMES.update(scraping.result())


SCRAPES = {"scrape": scrape_once, "scrape_again": scrape_again}


async def attack_all(kind, count, host, port, tls, until):
    attackers = [asyncio.create_task(attack(kind, host, port, tls, until)) for _ in range(count)]
    await asyncio.wait(attackers, timeout=until - time.monotonic())
    for attacker in attackers:
        attacker.cancel()
    await asyncio.gather(*attackers, return_exceptions=True)


def main():
    global LARGE
    arguments = argparse.ArgumentParser()
    arguments.add_argument("kind", choices=[*KINDS, *SCRAPES])
    arguments.add_argument("address")
    arguments.add_argument("count", type=int)
    arguments.add_argument("seconds", type=float)
    arguments.add_argument("--tls", action="store_true")
    arguments.add_argument("--large", default="/large", help="the path of a large body")
    given = arguments.parse_args()
    LARGE = given.large.encode()
    host, _, port = given.address.rpartition(":")
    until = time.monotonic() + given.seconds
    if given.kind in SCRAPES:
        scrape_at_once(SCRAPES[given.kind], given.count, host, int(port), given.tls, until)
    else:
        asyncio.run(attack_all(KINDS[given.kind], given.count, host, int(port), given.tls, until))
    print(json.dumps(OUTCOMES))


main()
