"""Clients that use up resources of a control plane, in a separate process; every load is bounded.

idle: connects, and sends nothing. promise: a header without a valid token that announces 4 MiB, then nothing.
poll: a long poll of one credential. deaf: requests a large bundle and reads no byte of it. A connection that
the server closes is opened again, at most twice a second each.
"""

import asyncio
import contextlib
import http.client
import json
import multiprocessing
import resource
import socket

PAUSE = 0.5


class HostileClients:
    """`with HostileClients(port, {"idle": 500, "poll": 4000}, proofs): …`; `proofs` is {"poll": (target, header)}."""

    def __init__(self, port, counts, proofs=None, source="127.0.0.1"):
        self._counts = counts
        self._held = multiprocessing.Array("q", len(counts))
        self._process = multiprocessing.Process(
            target=_run, args=(port, counts, proofs or {}, source, self._held), daemon=True)

    def __enter__(self):
        self._process.start()
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.join()

    def held(self):
        """The number of open connections of each kind (for poll: parked)."""
        return dict(zip(self._counts, self._held[:]))


def _run(port, counts, proofs, source, held):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_all(port, counts, proofs, source, held))


async def _all(port, counts, proofs, source, held):
    clients = []
    for index, (kind, count) in enumerate(counts.items()):
        for number in range(count):
            clients.append(_client(port, kind, proofs.get(kind), source, held, index, number))
    await asyncio.gather(*clients)


async def _client(port, kind, proof, source, held, index, number):
    loop = asyncio.get_running_loop()
    await asyncio.sleep(number / 1000)  # a thousand a second
    tag = None
    while True:
        with contextlib.suppress(OSError), socket.socket() as connection:
            connection.setblocking(False)
            connection.bind((source, 0))
            if kind == "deaf":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await loop.sock_connect(connection, ("127.0.0.1", port))
            await loop.sock_sendall(connection, _request(kind, proof, tag))
            held[index] += 1
            try:
                tag = await _hold(loop, connection, kind) or tag
            finally:
                held[index] -= 1
        await asyncio.sleep(PAUSE)


def _request(kind, proof, tag):
    if kind == "idle":
        return b""
    if kind == "promise":
        return (b"PUT /v1/organizations/acme/secrets/hostile HTTP/1.1\r\nHost: a\r\n"
                b"Authorization: Bearer pcc_pat_wrong\r\nContent-Length: 4194304\r\n\r\n")
    target, authorization = proof
    head = f"GET {target} HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization}\r\n"
    if tag:
        head += f"If-None-Match: {tag}\r\nPrefer: wait=50\r\n"
    return (head + "\r\n").encode()


async def _hold(loop, connection, kind):
    """Runs until the server closes; returns the entity tag of a poll's answer."""
    if kind == "deaf":
        await asyncio.sleep(3600)
    answer = b""
    while data := await loop.sock_recv(connection, 4096):
        answer += data
        if kind == "poll" and b"\r\n\r\n" in answer:
            break
    for line in answer.split(b"\r\n"):
        if line.lower().startswith(b"etag:"):
            return line.split(b":", 1)[1].strip().decode()
    return None


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        kib = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return kib / 1024


class GreedyWriter:
    """One organization that writes as fast as it can, on `connections` connections."""

    def __init__(self, port, organization, token, connections=4):
        self._processes = [
            multiprocessing.Process(target=_write, args=(port, organization, token, number), daemon=True)
            for number in range(connections)]

    def __enter__(self):
        for process in self._processes:
            process.start()
        return self

    def __exit__(self, *_):
        for process in self._processes:
            process.kill()
            process.join()


def _write(port, organization, token, number):
    body = json.dumps({"secrets": [{"secretKey": "KEY", "secretValue": "v" * 1000}]})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request(
                "PUT", f"/v1/organizations/{organization}/secrets/greedy-{number}", body,
                {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
            connection.getresponse().read()
            continue
        connection.close()
