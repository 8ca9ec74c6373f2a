"""Thousands of long polls at two replicas, for tests/bench/watchers.py."""

import asyncio
import time
import urllib.parse

from support import protocol

RAMP = 500  # new connections a second, so that the server's queue of them does not overflow
SLEEP = 0.05
GIVE_UP = 120  # seconds


class Watchers:
    """`number` long polls at each replica: `async with Watchers(replicas, credentials, number) as watchers: …`."""

    def __init__(self, replicas, credentials, number):
        self.number = number * len(replicas)
        self._groups = [[_Watcher(replica, credentials[index % len(credentials)], f"instance-{index}")
                         for index in range(number)] for replica in replicas]

    async def __aenter__(self):
        for watcher in self._all():
            await watcher.connect()
            watcher.ask()  # the server closes a connection without a request after some seconds
            await asyncio.sleep(1 / RAMP)
        return self

    async def __aexit__(self, *_):
        for watcher in self._all():
            watcher.close()

    async def park(self):
        """Each watcher requests the present state, and then waits for the next state."""
        for watcher in self._all():
            if not watcher.is_waiting:
                watcher.ask()
        await self._until(lambda watcher: watcher.is_parked())
        for watcher in self._all():
            watcher.told_at = None

    async def wait_told(self):
        await self._until(lambda watcher: watcher.told_at is not None)

    def told(self):
        """For each replica, the times at which its polls were answered (time.monotonic())."""
        return [[watcher.told_at for watcher in group] for group in self._groups]

    def _all(self):
        return [watcher for group in self._groups for watcher in group]

    async def _until(self, condition):
        end = time.monotonic() + GIVE_UP
        while not all(condition(watcher) for watcher in self._all()):
            lost = sum(watcher.is_lost for watcher in self._all())
            assert not lost, f"the server has closed {lost} connections"
            assert time.monotonic() < end, f"{sum(not condition(watcher) for watcher in self._all())} still wait"
            await asyncio.sleep(SLEEP)


class _Watcher(asyncio.Protocol):
    """One connection. It sends the next request by itself only after the first answer, and after a 304 (no change)."""

    def __init__(self, replica, credential, instance):
        self.told_at = None
        self.is_waiting = self.is_lost = False
        self._where = urllib.parse.urlsplit(replica.url)
        self._proof = (credential, replica.url, instance)
        self._tag = self._transport = None
        self._asked_at = 0.0
        self._received = b""

    async def connect(self):
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_connection(lambda: self, self._where.hostname, self._where.port)

    def close(self):
        self._transport.abort()

    def is_parked(self):
        """Whether the poll waits in the server: a poll whose tag is not the present one is answered at once."""
        return self.is_waiting and self._tag is not None and time.monotonic() - self._asked_at > 1

    def ask(self):
        credential, url, instance = self._proof
        proof = protocol.proof(credential, protocol.WATCH, aud=url, instance=instance)
        tag = f"If-None-Match: {self._tag}\r\n" if self._tag else ""
        self._transport.write(f"GET {protocol.WATCH} HTTP/1.1\r\nHost: a\r\nAuthorization: {proof}\r\n{tag}"
                              "Prefer: wait=50\r\n\r\n".encode())
        self._asked_at = time.monotonic()
        self.is_waiting = True

    def data_received(self, data):
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        headers = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:]) if found else {}
        if not found or len(body) < int(headers.get(b"content-length", 0)):
            return
        now, self._received, self.is_waiting = time.monotonic(), b"", False
        status = int(head.split(b" ", 2)[1])
        assert status in (200, 304), self._received
        first, self._tag = self._tag is None, headers[b"etag"].decode()
        if first or status == 304:
            self.ask()
        else:
            self.told_at = now

    def connection_lost(self, exc):
        self.is_lost = True
