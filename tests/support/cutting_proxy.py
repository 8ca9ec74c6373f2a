"""A TCP relay that cuts each connection shortly after its start, so that every long poll is lost."""

import contextlib
import socket
import threading


class CuttingProxy:
    """Relays `port` (chosen) to `target_port` on loopback; a connection lives for `lifetime` seconds."""

    def __init__(self, target_port, lifetime=0.02):
        self.target_port = target_port
        self.lifetime = lifetime
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._serve, daemon=True)
        self._accepting.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # shutdown() wakes the accept() of the other thread; with close() alone the port would stay open.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port))
        except ConnectionRefusedError:
            client.close()
            return
        pumps = [threading.Thread(target=_pump, args=pair, daemon=True)
                 for pair in ((client, server), (server, client))]
        for pump in pumps:
            pump.start()
        pumps[0].join(self.lifetime)
        for end in (client, server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for pump in pumps:
            pump.join()
        client.close()
        server.close()
        self.cuts += 1


def _pump(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
