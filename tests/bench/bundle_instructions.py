"""The instructions of one bundle request in the control plane, counted by callgrind."""

import http.client
import re
import signal
import ssl

import bench_support
from support import protocol
from support.control_plane import ControlPlane

VALUES = {f"API_KEY_{number:02}": "v" * 320 for number in range(12)}
REQUESTS = 200
# The work of a request on a worker thread: all but HTTP and TLS, whose share changes with the timing. The audit record
# of each request is written after it, in a commit of its own, because the requests follow one another.
COUNTED = ("*Router::dispatch(*", "*BundleAudit::write_waiting(*")


class Counted(ControlPlane):
    """Its server runs under callgrind if `is_counted`."""

    is_counted = False
    start_timeout = 120.0

    def command(self, *arguments):
        command = super().command(*arguments)
        if arguments[0] != "serve" or not self.is_counted:
            return command
        return ["valgrind", "--tool=callgrind", *(f"--toggle-collect={function}" for function in COUNTED),
                f"--callgrind-out-file={self.directory}/callgrind.out", f"--log-file={self.valgrind_log}", *command]

    @property
    def valgrind_log(self):
        return self.directory / "valgrind.log"


def count(directory):
    """The mean of some hundred requests on a kept connection, whose values are sealed already: verification,
    authorisation, signature and audit record."""
    with bench_support.tls_control_plane(directory, Counted) as control_plane:
        credential = protocol.Credential.parse(bench_support.bind_agent(control_plane, VALUES))
        control_plane.is_counted = True
        control_plane.restart()
        _fetch(control_plane, credential, REQUESTS)
        control_plane.process.send_signal(signal.SIGTERM)
        assert control_plane.process.wait(120) == 0
        return int(re.search(r"Collected : (\d+)", control_plane.valgrind_log.read_text())[1]) / REQUESTS


def _fetch(control_plane, credential, requests):
    context = ssl.create_default_context(cafile=control_plane.tls.ca)
    connection = http.client.HTTPSConnection("127.0.0.1", control_plane.port, context=context, timeout=60)
    for _ in range(requests):
        connection.request("GET", protocol.BUNDLE,
                           headers={"Authorization": protocol.proof(credential, protocol.BUNDLE)})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()
