"""Faults before the request is sent: name resolution, connection, TLS."""

from support import misbehaving_server as bad
from support import no_threads
from support.failure_rows.row import (
    AT_DEADLINE, BETWEEN, NETWORK, WITHIN, WITHIN_PATIENCE, Fails, Row, Starts, answers, credential_in_a_pipe,
    fetch,
)
from support.failure_scene import HOST

THREADS = "allow clone3 in the container's seccomp profile: update Docker or runc, or give another profile"
DNS = "check the host name in the credential, and the DNS of this container"


def within(seconds, arrange, *options):
    """`arrange` with another --timeout, and more options."""
    def arrange_it(scene):
        scene.timeout = seconds
        scene.options += options
        arrange(scene)
    return arrange_it


def silent_names(scene):
    scene.name_server(answers=False)


def missing_names(scene):
    scene.name_server(answers=True)


def without_threads(arrange):
    def arranged(scene):
        arrange(scene)
        scene.preexec = no_threads.refuse_by_seccomp
    return arranged


def known_host(scene):
    scene.serve(bad.good, "good", host=HOST)
    scene.replace_file("/etc/hosts", f"127.0.0.1 {HOST}\n")


def plain_http(scene):
    scene.reach(f"{HOST}:8080")


def allowed_plain_http(scene):
    scene.serve(bad.good, host=HOST)
    scene.replace_file("/etc/hosts", f"127.0.0.1 {HOST}\n")
    scene.options.append("--allow-plain-http")


def unusable_ca(scene):
    scene.serve(bad.good, "good")
    scene.ca = "no certificate"


SECTIONS = {
    "No connection": [
        Row("nobody listens", lambda scene: scene.reach(bad.refused_authority()),
            fetch("connect HOST:PORT: connection refused", NETWORK, WITHIN), cache=True),
        Row("packets are dropped", lambda scene: scene.drop_connections(),
            fetch("connect HOST:PORT: timed out after <t>", NETWORK, AT_DEADLINE), cache=True),
        Row("the name server is not there", missing_names,
            fetch("resolve HOST:PORT: no address found", DNS, WITHIN), cache=True, root=True),
        Row("the name server never answers", silent_names,
            fetch("resolve HOST:PORT: timed out after <t>", "check the DNS of this container", AT_DEADLINE),
            cache=True, root=True),
        Row("no thread can be made, for a host in /etc/hosts or DNS", without_threads(known_host), Starts(), root=True),
        Row("no thread can be made, and the name server is not there", without_threads(missing_names),
            fetch("resolve HOST:PORT: no address found; make a thread for name resolution: operation not permitted",
                  THREADS, WITHIN), cache=True, root=True),
        Row("accepts, never answers", answers(bad.silent),
            fetch("wait for HOST:PORT to answer: timed out after <t>", "look at the control plane's log and load",
                  AT_DEADLINE), cache=True),
        Row("accepts, closes", answers(bad.closes_at_once),
            fetch("wait for HOST:PORT to answer: the connection broke off", BETWEEN, WITHIN), cache=True),
        Row("closes after the request", answers(bad.closes_after_the_request),
            fetch("wait for HOST:PORT to answer: the connection broke off", BETWEEN, WITHIN), cache=True),
        Row("resets the connection", answers(bad.resets),
            fetch("wait for HOST:PORT to answer: the connection broke off", BETWEEN, WITHIN), cache=True),
        Row("plain http to another host", plain_http,
            fetch("get BASE-URL/instance/v1/bundle: plain http to HOST:PORT is refused: it is not a loopback address",
                  "use https://, or --allow-plain-http on a network that you trust")),
        Row("plain http to another host, with --allow-plain-http", allowed_plain_http, Starts(), root=True),
    ],
    "A long --timeout": [
        Row("nobody listens, `--timeout 12s`", within(12, lambda scene: scene.reach(bad.refused_authority())),
            Fails("fetch bundle: connect HOST:PORT: connection refused", NETWORK, WITHIN,
                  'waiting for the control plane at_most="12s from the start" '
                  'cause="connect HOST:PORT: connection refused"'),
            cache=True, cached_when=WITHIN_PATIENCE),
        Row("accepts, never answers, `--timeout 9s`", within(9, answers(bad.silent)),
            Fails("fetch bundle: wait for HOST:PORT to answer: timed out after <t>",
                  "look at the control plane's log and load", AT_DEADLINE,
                  'waiting for the control plane at_most="9s from the start"'),
            cache=True, cached_when=WITHIN_PATIENCE),
        Row("a credential in a pipe that nobody writes to, `--timeout 3s`", within(3, credential_in_a_pipe),
            Fails("credential: it was not done within --timeout, <t>",
                  "the credential's file is a pipe that nobody writes to, or on a disk that hangs", AT_DEADLINE,
                  'waiting for the credential\'s file at_most="3s from the start"')),
    ],
    "TLS": [
        Row("TLS: handshake stalls", lambda scene: (scene.serve(bad.silent), scene.urls.clear(),
                                                    scene.reach(scene.authority, "https")),
            fetch("tls handshake with HOST:PORT: timed out after <t>",
                  "check that the control plane runs and speaks https on this port", AT_DEADLINE), cache=True),
        Row("TLS: alert", lambda scene: (scene.serve(bad.tls_alert), scene.urls.clear(),
                                         scene.reach(scene.authority, "https")),
            fetch("tls handshake with HOST:PORT: tls alert handshake failure",
                  "check that the control plane speaks https, TLS 1.2 or newer, on this port", WITHIN), cache=True),
        Row("TLS: the port speaks plain http", lambda scene: (scene.serve(bad.plain_http), scene.urls.clear(),
                                                              scene.reach(scene.authority, "https")),
            fetch("tls handshake with HOST:PORT: wrong version number",
                  "check that the control plane speaks https, TLS 1.2 or newer, on this port", WITHIN), cache=True),
        Row("TLS: expired certificate", answers(bad.good, "expired"),
            fetch("verify the certificate of HOST:PORT: certificate has expired",
                  "renew the server's certificate, or set this host's clock")),
        Row("TLS: certificate of another host", answers(bad.good, "of another host"),
            fetch("verify the certificate of HOST:PORT: it does not match the host name",
                  "use the host name that the server's certificate is for in the credential's URL")),
        Row("TLS: certificate of an unknown ca", answers(bad.good, "of another ca"),
            fetch("verify the certificate of HOST:PORT: unable to get local issuer certificate",
                  "issue the credential with the server's private ca, or install the ca in this image")),
        Row("TLS: the credential's ca is no certificate", unusable_ca,
            fetch("load the certificates to trust: error importing CA certificate blob",
                  "install ca-certificates in this image, or issue the credential with a ca")),
        Row("TLS: all is well", answers(bad.good, "good"), Starts()),
    ],
}
