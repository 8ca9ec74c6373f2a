"""The instructions of one bundle request in the control plane, counted by callgrind."""

import http.client
import re
import signal
import ssl

import bench_support
from support import protocol
from support.control_plane import ControlPlane

VALUES = {f"API_KEY_{number:02}": "v" * 320 for number in range(12)}
FEW, MANY = 50, 250


class Counted(ControlPlane):
    """Its server runs under callgrind if `is_counted`."""

    is_counted = False

    def command(self, *arguments):
        command = super().command(*arguments)
        if arguments[0] != "serve" or not self.is_counted:
            return command
        return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={self.directory}/callgrind.out",
                f"--log-file={self.valgrind_log}", *command]

    @property
    def valgrind_log(self):
        return self.directory / "valgrind.log"


def count(directory):
    """Instructions of a request on a kept TLS connection, whose values are sealed already.

    Two servers answer a different number of requests; the difference has no start and no stop in it.
    """
    control_plane = bench_support.tls_control_plane(directory, Counted)
    with control_plane:
        text = bench_support.bind_agent(control_plane, VALUES)
        credential = protocol.Credential.parse(text)
        control_plane.is_counted = True
        few, many = (_instructions(control_plane, credential, requests) for requests in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def _instructions(control_plane, credential, requests):
    control_plane.restart()
    _fetch(control_plane, credential, requests)
    control_plane.process.send_signal(signal.SIGTERM)
    assert control_plane.process.wait(120) == 0
    return int(re.search(r"Collected : (\d+)", control_plane.valgrind_log.read_text())[1])


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
