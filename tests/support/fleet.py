"""Many instances in one process, by docs/protocol.md: each fetches its bundle and watches, as an injector and a
sidecar do, on an event loop in a separate thread."""

import asyncio
import json
import ssl
import threading
import urllib.parse

from support import protocol


async def get(url, target, authorization, tls=None, **headers):
    """One GET on a new connection: (status, lower-case headers, body)."""
    where = urllib.parse.urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port, ssl=tls)
    try:
        lines = [f"GET {target} HTTP/1.1", f"Host: {where.netloc}", f"Authorization: {authorization}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        received = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(received.get("content-length", 0)))
        return int(head[0].split()[1]), received, body
    finally:
        writer.close()


class SimulatedInstance:
    def __init__(self, name, credential, tls=None):
        self.name = name
        self._tls = tls
        self.sequence = 0
        self.state = None  # from the last watch answer
        self._credential = credential
        self._watching = None

    async def start(self, sidecar=True):
        """The container starts, or starts again: the earlier watch ends."""
        if self._watching:
            self._watching.cancel()
        self.state = None
        proof = self._proof(protocol.BUNDLE, 0)
        status, _, body = await get(self._credential.url, protocol.BUNDLE, proof, self._tls)
        assert status == 200, body
        self.sequence = protocol.verify_bundle(self._credential, body.decode())["sequence"]
        if sidecar:
            self._watching = asyncio.create_task(self._watch())

    def stop(self):
        if self._watching:
            self._watching.cancel()

    async def _watch(self):
        conditions = {}
        while True:
            proof = self._proof(protocol.WATCH, self.sequence)
            status, headers, body = await get(self._credential.url, protocol.WATCH, proof, self._tls, **conditions)
            if status == 200:
                self.state = json.loads(body)["state"]
            conditions = {"If_None_Match": headers["etag"], "Prefer": "wait=50"}

    def _proof(self, target, sequence):
        return protocol.proof(self._credential, target, instance=self.name, running_sequence=sequence, active_sessions=1)


class SimulatedFleet:
    """`with SimulatedFleet(credential, 200) as fleet: fleet.start()`. `ca`: the file of the authority of a server with
    TLS; `name`: what the instances' ids begin with."""

    def __init__(self, credential_text, size, ca=None, name="host"):
        credential = protocol.Credential.parse(credential_text)
        tls = ssl.create_default_context(cafile=ca) if ca else None
        self.instances = [SimulatedInstance(f"{name}-{number}", credential, tls) for number in range(size)]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine):
        return self._begin(coroutine).result(timeout=30)

    def _begin(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def _stop(self):
        watching = [instance._watching for instance in self.instances if instance._watching]
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)

    def start(self, instances=None, sidecar=True):
        self._run(self._roll(self.instances if instances is None else instances, sidecar))

    def begin_start(self, instances):
        """As start(), without waiting; returns a future."""
        return self._begin(self._roll(instances, True))

    async def _roll(self, instances, sidecar):
        """Restarts one instance after the other, as an orchestrator does."""
        for instance in instances:
            await instance.start(sidecar)

    def states(self):
        """{state: number of instances}, by the last watch answers."""
        counts = {}
        for instance in self.instances:
            counts[instance.state] = counts.get(instance.state, 0) + 1
        return counts
