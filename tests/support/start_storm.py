"""Many instances that start at the same time: each fetches its bundle over a new TLS connection, as an injector does.

An instance that gets 429 or 503 waits for Retry-After and a random part of it, and tries again. The instances run in
processes of their own, with one address each, because a server counts the requests of an address.
"""

import asyncio
import dataclasses
import multiprocessing
import random
import ssl
import time
import urllib.parse

from support import protocol

PROCESSES = 2
GIVE_UP = 60  # seconds


@dataclasses.dataclass(frozen=True)
class Start:
    began: float  # seconds after the beginning of the storm
    served: float | None  # likewise; None: not served
    attempts: tuple  # the status of each attempt; "lost" for a lost connection, "hasty" for a refusal without Retry-After


def run(control_plane, credentials, instances, within):
    """The Starts of so many instances, which begin at random times `within` so many seconds."""
    share = [range(number, instances, PROCESSES) for number in range(PROCESSES)]
    work = [(control_plane.url, control_plane.tls.ca, credentials, numbers, within) for numbers in share]
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        return [start for starts in pool.map(_storm, work) for start in starts]


def _storm(work):
    return asyncio.run(_starts(*work))


async def _starts(url, ca, credentials, numbers, within):
    context = ssl.create_default_context(cafile=ca)
    # Before the storm, so that the client's own work does not delay the requests.
    proofs = [protocol.proof(credentials[number % len(credentials)], protocol.BUNDLE, instance=f"instance-{number}")
              for number in numbers]
    began = time.monotonic()
    return await asyncio.gather(*(
        _start(url, context, proof, number, began, random.uniform(0, within)) for number, proof in zip(numbers, proofs)))


async def _start(url, context, proof, number, began, delay):
    await asyncio.sleep(delay)
    first, attempts = time.monotonic() - began, []
    while time.monotonic() - began < GIVE_UP:
        status, retry_after = await _fetch(url, context, proof, f"127.0.{1 + number // 250}.{1 + number % 250}")
        attempts.append(status)
        if status == 200:
            return Start(first, time.monotonic() - began, tuple(attempts))
        await asyncio.sleep((retry_after or 1) * random.uniform(1, 1.5))
    return Start(first, None, tuple(attempts))


async def _fetch(url, context, proof, address):
    """(status, Retry-After in seconds) of one request on a new connection."""
    where = urllib.parse.urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(where.hostname, where.port, ssl=context,
                                                       local_addr=(address, 0))
    except OSError:
        return "lost", None
    try:
        writer.write(f"GET {protocol.BUNDLE} HTTP/1.1\r\nHost: a\r\nAuthorization: {proof}\r\n"
                     "Connection: close\r\n\r\n".encode())
        answer = await reader.read(-1)
    except OSError:
        return "lost", None
    finally:
        writer.close()
    return _judge(answer)


def _judge(answer):
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return "lost", None
    headers = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
    if len(body) != int(headers[b"content-length"]):
        return "lost", None
    status, retry_after = int(head.split(b" ", 2)[1]), headers.get(b"retry-after")
    if status in (429, 503) and retry_after is None:
        return "hasty", None
    return status, int(retry_after) if retry_after else None


def served_last(starts):
    """The seconds until all were served; None if one was not."""
    return max(start.served for start in starts) if all(start.served is not None for start in starts) else None


def refusals(starts):
    """The statuses of the attempts that were not answered with a bundle."""
    return [status for start in starts for status in start.attempts if status != 200]
