"""The failure matrix of secret-injector, as data: docs/failures.md is made of these rows, and
tests/integration/test_failures.py runs every one of them.

Messages are written as they are printed, but for HOST:PORT (the control plane's), PROXY:PORT, DIR (the cache
directory), BASE-URL, <n> and <t> (a number, a time).
"""

import dataclasses
import email.utils
import errno
import fcntl
import os
import resource
import time
from collections.abc import Callable

from support import misbehaving_server as bad
from support import no_memfd, no_threads
from support.failure_scene import CACHED, FETCHED, HOST, PASSWORD
from support.region import Region

NOW = "at once"
WITHIN = "within the deadline"
AT_DEADLINE = "at the deadline"  # nothing ends it before
WITHIN_PATIENCE = "within --cache-after"  # 2 s, of a longer --timeout

FROM_IMAGE = "value-of-the-image"

NETWORK = "check that the control plane runs and that this network can reach it"
LOG = "look at the control plane's log and metrics"
BETWEEN = "look at the control plane's log, and at what stands between here and there"
API_URL = "check that the credential's URL is the instance API's"
PROXY = "check https_proxy; a host in no_proxy is asked without the proxy"
NEW_CREDENTIAL = "issue a credential for agent 'bot' and mount it here"
THREADS = "allow clone3 in the container's seccomp profile: update Docker or runc, or give another profile"
MEMFD = ("allow memfd_create in the container's seccomp profile, or name a path on a tmpfs: "
         "--file KEY=VARIABLE:/run/agent-secrets/files/NAME")
THEIRS = "use a directory of this user alone; a missing one is made with mode 0700"
OURS_ALONE = (THEIRS + ". With fsGroup in Kubernetes: a directory inside the volume, and "
              "fsGroupChangePolicy: OnRootMismatch")
DNS = "check the host name in the credential, and the DNS of this container"


@dataclasses.dataclass(frozen=True)
class Fails:
    """Exit code 125, one line of error and one hint."""

    message: str
    hint: str
    when: str = NOW
    announced: str = ""  # the one line that a wait of more than two seconds is announced with


@dataclasses.dataclass(frozen=True)
class Starts:
    """The command runs, with fetched values or cached ones, and one warning or none."""

    value: str = FETCHED
    warning: str = ""
    when: str = NOW


@dataclasses.dataclass(frozen=True)
class Row:
    """A fault of the control plane or of the way there. `cache` says whether a fresh cache serves."""

    fault: str
    arrange: Callable
    outcome: Fails | Starts
    cache: bool = False
    root: bool = False
    cached_when: str = ""  # where it differs from the outcome's


def within(seconds, arrange, *options):
    """The same with a --timeout of its own."""
    def arrange_it(scene):
        scene.timeout = seconds
        scene.options += options
        arrange(scene)
    return arrange_it


@dataclasses.dataclass(frozen=True)
class CacheRow:
    """A fault of the cache, with the control plane unreachable and with a good one."""

    fault: str
    arrange: Callable
    unreachable: Fails | Starts
    reachable: Fails | Starts
    root: bool = False


def answers(behaviour, certificate=None):
    return lambda scene: scene.serve(behaviour, certificate)


def fetch(cause, hint, when=NOW):
    return Fails("fetch bundle: " + cause, hint, when)


def refuses(status, code, what, hint):
    return fetch(f"{what} (HTTP {status}{', ' + code if code else ''})", hint)


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


def in_an_hour(offset=3600):
    return email.utils.formatdate(time.time() + offset, usegmt=True)


def retry_later(status, seconds_or_date):
    def arrange(scene):
        value = seconds_or_date() if callable(seconds_or_date) else seconds_or_date
        scene.serve(bad.says(status, Retry_After=value))
    return arrange


def date_two_seconds_ahead(scene):
    """A Retry-After in the form of a date, a second after the answer's own Date, of a clock a day behind."""
    behind = time.time() - 86400
    busy = bad.says(429, Retry_After=email.utils.formatdate(behind + 1, usegmt=True),
                    Date=email.utils.formatdate(behind, usegmt=True))
    scene.serve(bad.in_turn(busy, bad.good))


def skewed(scene):
    scene.serve(bad.in_turn(bad.explains(401, "clock-skew"), bad.good))


def http_1_0(connection):
    connection.read_request()
    connection.send(bad.head(200, None, "HTTP/1.0", headers={"Content-Type": "application/jose"})
                    + connection.bundle())


def http_1_0_cut_short(connection):
    connection.read_request()
    connection.send(bad.head(200, None, "HTTP/1.0", headers={"Content-Type": "application/jose"})
                    + connection.bundle()[:-40])


def interim_then_good(connection):
    connection.read_request()
    connection.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Type: text/html\r\n\r\n")
    connection.answer(body=connection.bundle(), Content_Type="application/jose")


def flipped(position):
    def change(body):
        at = int(len(body) * position)
        return body[:at] + (b"A" if body[at:at + 1] != b"A" else b"B") + body[at + 1:]
    return change


def signed_by_another(scene):
    other = Region()
    scene.serve(lambda connection: (
        connection.read_request(),
        connection.answer(body=other.bundle(scene.credential, connection.proof()["jti"], {"A": "b"}).encode(),
                          Content_Type="application/jose")))


def through_proxy(behaviour=None, user="", server=bad.good, **options):
    def arrange(scene):
        scene.serve(server, "good", host=HOST)
        scene.proxy(behaviour, user, **options)
    return arrange


def dead_proxy(scene):
    scene.serve(bad.good, "good", host=HOST)
    scene.proxy_authority = bad.refused_authority()
    scene.variables["https_proxy"] = f"http://user:{PASSWORD}@{scene.proxy_authority}"


def unreadable_proxy(scene):
    scene.serve(bad.good, "good", host=HOST)
    scene.variables["https_proxy"] = f"http://user:{PASSWORD}@proxy:port"


def no_proxy(scene):
    dead_proxy(scene)
    scene.variables["NO_PROXY"] = f"other.test,{HOST}"
    scene.replace_file("/etc/hosts", f"127.0.0.1 {HOST}\n")


def credential_in_a_pipe(scene):
    scene.serve(bad.good)
    pipe = scene.directory / "credential"
    os.mkfifo(pipe, 0o600)
    scene.options += ["--credential-file", pipe]


def credential(text):
    def arrange(scene):
        scene.serve(bad.good)
        scene.variables["AGENT_SECRETS_CREDENTIAL"] = text
    return arrange


def plain_http(scene):
    scene.reach(f"{HOST}:8080")


def without_secrets(sets):
    """The command prints what the image has."""
    def arrange(scene):
        scene.serve(bad.bundles(members={"sets": sets, "values": {}}))
        scene.variables["OWNER"] = FROM_IMAGE
    return arrange


def allowed_plain_http(scene):
    scene.serve(bad.good, host=HOST)
    scene.replace_file("/etc/hosts", f"127.0.0.1 {HOST}\n")
    scene.options.append("--allow-plain-http")


def unusable_ca(scene):
    scene.serve(bad.good, "good")
    scene.ca = "no certificate"


def two(first, second):
    def arrange(scene):
        for one in (first, second):
            if one is None:
                scene.reach(bad.refused_authority())
            else:
                scene.serve(one)
    return arrange


def a_set_of(**values):
    return lambda scene: scene.serve(bad.bundles(members={"values": values}))


def started_with(*options, serve=answers(bad.good)):
    def arrange(scene):
        serve(scene)
        scene.options += options
    return arrange


def without_memfd(error_number):
    def arrange(scene):
        started_with("--file", "OWNER=OWNER_FILE")(scene)
        scene.preexec = no_memfd.refuse_with(error_number)
    return arrange


def few_descriptors(scene):
    started_with("--file", "OWNER=OWNER_FILE")(scene)
    scene.preexec = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def at_a_path(spoil):
    """A file in the directory DIR-files, which `spoil` has made."""
    def arrange(scene):
        directory = scene.cache.with_name(scene.cache.name + "-files")
        spoil(directory)
        started_with("--allow-disk", "--file", f"OWNER=OWNER_FILE:{directory}/key")(scene)
    return arrange


def made(mode):
    def make(directory):
        directory.mkdir()
        directory.chmod(mode)
    return make


def linked(directory):
    target = directory.with_name("elsewhere")
    target.mkdir()
    directory.symlink_to(target)


def occupied(directory):
    directory.mkdir()
    (directory / "key").write_text("of somebody else")


def a_dotenv(scene):
    scene.serve(bad.good)
    scene.working_directory = scene.directory
    (scene.directory / ".env").write_text("OWNER=of-the-file\n")


def a_broken_promise(scene):
    scene.serve(bad.good)
    scene.variables["NODE_CHANNEL_FD"] = "63"


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
    "Slow": [
        Row("header, a byte at a time", answers(bad.drips_header),
            fetch("receive the answer of HOST:PORT: timed out after <t>, with 0 bytes of it", BETWEEN, AT_DEADLINE),
            cache=True),
        Row("body, a byte at a time", answers(bad.drips_body),
            fetch("receive the answer of HOST:PORT: timed out after <t>, with <n> bytes of it", BETWEEN, AT_DEADLINE),
            cache=True),
        Row("body stalls", answers(bad.stalls_in_the_body),
            fetch("receive the answer of HOST:PORT: timed out after <t>, with 100 bytes of it", BETWEEN, AT_DEADLINE),
            cache=True),
        Row("TLS: body, a byte at a time", answers(bad.drips_body, "good"),
            fetch("receive the answer of HOST:PORT: timed out after <t>, with <n> bytes of it", BETWEEN, AT_DEADLINE),
            cache=True),
    ],
    "Cut short, too long, not HTTP": [
        Row("body cut short", answers(bad.truncates_the_body),
            fetch("receive the answer of HOST:PORT: the connection broke off", BETWEEN, WITHIN), cache=True),
        Row("chunks cut short", answers(bad.sends_chunks(end=b"")),
            fetch("receive the answer of HOST:PORT: the connection broke off", BETWEEN, WITHIN), cache=True),
        Row("chunks without a length", answers(bad.sends_chunks(end=b"xyz\r\n")),
            fetch("receive the answer of HOST:PORT: the connection broke off", BETWEEN, WITHIN), cache=True),
        Row("header over 32 KiB", answers(bad.says(200, X_Filler="x" * 40_000)),
            fetch("receive the answer of HOST:PORT: it is too large", API_URL)),
        Row("body over 4 MiB", answers(bad.says(200, b"x" * (4 * 1024 * 1024 + 1), Content_Type="application/jose")),
            fetch("receive the answer of HOST:PORT: it is too large", API_URL)),
        Row("interim answers without end", answers(bad.interim_answers_without_end),
            fetch("receive the answer of HOST:PORT: it is too large", API_URL)),
        Row("HTTP/0.9", answers(bad.sends(b"<html>hello</html>\n")),
            fetch("read the answer of HOST:PORT: it is not HTTP/1",
                  "check host and port of the URL in the credential")),
        Row("HTTP/2", answers(bad.sends(bytes.fromhex("000006040000000000000400100000"))),
            fetch("read the answer of HOST:PORT: it is not HTTP/1",
                  "check host and port of the URL in the credential")),
        Row("HTTP/1.0", answers(http_1_0), Starts()),
        Row("HTTP/1.0, cut short", answers(http_1_0_cut_short),
            fetch("verify bundle: the signature is missing or of another length",
                  "look for a proxy in between that changes answers, or for an attack")),
        Row("chunks", answers(bad.sends_chunks()), Starts()),
        Row("100 and 103 before the answer", answers(interim_then_good), Starts()),
    ],
    "Busy or broken": [
        Row("500", answers(bad.says(500)), fetch("HOST:PORT answered 500", LOG, WITHIN), cache=True),
        Row("502", answers(bad.says(502, b"<html>")), fetch("HOST:PORT answered 502", LOG, WITHIN), cache=True),
        Row("504", answers(bad.says(504)), fetch("HOST:PORT answered 504", LOG, WITHIN), cache=True),
        Row("503", answers(bad.says(503)), fetch("HOST:PORT answered 503", LOG, WITHIN), cache=True),
        Row("503, Retry-After: -1", retry_later(503, -1), fetch("HOST:PORT answered 503", LOG, WITHIN), cache=True),
        Row("503, Retry-After: 3600", retry_later(503, 3600),
            fetch("HOST:PORT answered 503, and to wait 3600s", LOG), cache=True),
        Row("503, Retry-After: a date in an hour", retry_later(503, in_an_hour),
            fetch("HOST:PORT answered 503, and to wait <n>s", LOG), cache=True),
        Row("429, Retry-After: 9999999999999999999999", retry_later(429, "9" * 22),
            fetch("HOST:PORT answered 429, and to wait 86400s",
                  "start fewer instances at once, or raise --timeout"), cache=True),
        Row("503, Retry-After: 1, then well",
            answers(bad.in_turn(bad.says(503, Retry_After=1), bad.good)), Starts(when=WITHIN)),
        Row("429, Retry-After: a date in a second, of a clock a day behind, then well", date_two_seconds_ahead,
            Starts(when=WITHIN)),
    ],
    "Refused": [
        Row("401 malformed", answers(bad.explains(401, "malformed")),
            refuses(401, "malformed", "the request did not arrive as it was sent",
                    "look for a proxy in between that changes paths or the Authorization header")),
        Row("401 wrong-request", answers(bad.explains(401, "wrong-request")),
            refuses(401, "wrong-request", "the request did not arrive as it was sent",
                    "look for a proxy in between that changes paths or the Authorization header")),
        Row("401 unknown-key", answers(bad.explains(401, "unknown-key")),
            refuses(401, "unknown-key", "the control plane does not accept credential cred-1", NEW_CREDENTIAL)),
        Row("401 bad-signature", answers(bad.explains(401, "bad-signature")),
            refuses(401, "bad-signature", "the control plane does not accept credential cred-1", NEW_CREDENTIAL)),
        Row("401 wrong-audience", answers(bad.explains(401, "wrong-audience")),
            refuses(401, "wrong-audience", "the control plane does not go by the URL in the credential",
                    "add BASE-URL to its URLs there: secret-control-plane public-url set")),
        Row("401 clock-skew, twice", answers(bad.explains(401, "clock-skew")),
            refuses(401, "clock-skew", "the clocks of this host and the control plane differ",
                    "set this host's clock")),
        Row("401 clock-skew, then well", skewed, Starts()),
        Row("401 of another server", answers(bad.says(401, WWW_Authenticate='Basic realm="x"')),
            refuses(401, "", "HOST:PORT wants another authorization than an instance's",
                    "check the URL in the credential, and proxies in between that ask for a login")),
        Row("403 revoked", answers(bad.explains(403, "revoked")),
            refuses(403, "revoked", "credential cred-1 has been revoked",
                    "issue a new credential for agent 'bot' and mount it here")),
        Row("403 of a firewall", answers(bad.says(403, b"<html>denied")),
            refuses(403, "", "HOST:PORT forbids the request",
                    "look for a proxy or firewall between here and the control plane")),
        Row("404 deleted", answers(bad.explains(404, "deleted")),
            refuses(404, "deleted", "agent 'bot' does not exist any more",
                    "create the agent again, or stop starting instances of it")),
        Row("404 of another server", answers(bad.says(404, b"<html>nginx")),
            refuses(404, "", "HOST:PORT has no instance API at this path", "check the URL in the credential")),
        Row("409 no-deployment", answers(bad.explains(409, "no-deployment", "nothing is deployed")),
            refuses(409, "no-deployment", "nothing is deployed", "deploy the agent, then start this instance again")),
        Row("409 version-gone", answers(bad.explains(409, "version-gone", "version 3 of set voice is gone")),
            refuses(409, "version-gone", "version 3 of set voice is gone",
                    "deploy the agent, then start this instance again")),
        Row("400", answers(bad.says(400)),
            refuses(400, "", "the answer of HOST:PORT is no bundle", API_URL)),
        Row("418", answers(bad.says(418)),
            refuses(418, "", "the answer of HOST:PORT is no bundle", API_URL)),
        Row("204", answers(bad.says(204)),
            refuses(204, "", "the answer of HOST:PORT is no bundle", API_URL)),
        Row("302 to itself", answers(bad.says(302, Location="/instance/v1/bundle")),
            fetch("HOST:PORT answered 302, a redirect, which is never followed",
                  "give the final URL in the credential")),
        Row("308 elsewhere", answers(bad.says(308, Location="https://other.test/")),
            fetch("HOST:PORT answered 308, a redirect, which is never followed",
                  "give the final URL in the credential")),
    ],
    "Not our bundle": [
        Row("another media type", answers(bad.says(200, b"<html>log in", Content_Type="text/html")),
            fetch("the answer of HOST:PORT has another media type than a bundle", API_URL)),
        Row("gzip, unasked", answers(bad.bundles(Content_Encoding="gzip")),
            fetch("the answer of HOST:PORT is encoded, and nobody asked for that",
                  "look for a proxy between here and the control plane that compresses answers")),
        Row("an empty body", answers(bad.says(200, b"", Content_Type="application/jose")),
            fetch("verify bundle: not a compact JWS",
                  "look for a proxy in between that changes answers, or for an attack")),
        Row("garbage", answers(bad.says(200, b"\x00\xff" * 2000, Content_Type="application/jose")),
            fetch("verify bundle: not a compact JWS",
                  "look for a proxy in between that changes answers, or for an attack")),
        Row("a flipped byte in the payload", answers(bad.bundles(flipped(0.5))),
            fetch("verify bundle: the signature is wrong",
                  "look for a proxy in between that changes answers, or for an attack")),
        Row("a flipped byte in the signature", answers(bad.bundles(flipped(0.97))),
            fetch("verify bundle: the signature is wrong",
                  "look for a proxy in between that changes answers, or for an attack")),
        Row("signed by another key under the region's name", signed_by_another,
            fetch("verify bundle: the signature is wrong",
                  "look for a proxy in between that changes answers, or for an attack")),
        Row("a replayed bundle", answers(bad.bundles(members={"nonce": "of-another-request"})),
            fetch("verify bundle: the answer belongs to another request",
                  "look for a proxy or cache between here and the control plane that replays answers")),
        Row("a bundle for another agent", answers(bad.bundles(members={"agent": "other"})),
            fetch("verify bundle: it is for agent 'other', not 'bot'",
                  "issue a new credential for this agent: this one is mixed up with another's")),
        Row("a bundle for another credential", answers(bad.bundles(members={"recipient": "cred-2"})),
            fetch("verify bundle: it is for recipient 'cred-2', not 'cred-1'",
                  "issue a new credential for this agent: this one is mixed up with another's")),
        Row("sealed to another key", answers(bad.bundles(members={"sealed": "A" * 512})),
            Fails("open bundle: the sealed part has an impossible length",
                  "issue a new credential for this agent, and mount it here")),
    ],
    "No secrets": [
        Row("the agent has no secret set", without_secrets([]),
            Starts(FROM_IMAGE, "the agent has no secret set: the command starts without secrets")),
        Row("the agent's secret set is empty", without_secrets([{"name": "voice", "version": 3}]),
            Starts(FROM_IMAGE, "the agent's secret set has no keys: the command starts without secrets")),
    ],
    "Several URLs": [
        Row("first URL refuses, second is well", two(None, bad.good), Starts()),
        Row("first URL hangs, second is well", two(bad.silent, bad.good), Starts(when=WITHIN)),
        Row("first URL answers 503, second is well", two(bad.says(503), bad.good), Starts()),
        Row("both URLs refuse", two(None, None),
            fetch("connect HOST:PORT: connection refused", NETWORK, WITHIN), cache=True),
        Row("first URL forbids, second is well", two(bad.explains(403, "revoked"), bad.good),
            refuses(403, "revoked", "credential cred-1 has been revoked",
                    "issue a new credential for agent 'bot' and mount it here")),
    ],
    "Proxies": [
        Row("proxy: works", through_proxy(), Starts()),
        Row("proxy: works with a password", through_proxy(user=f"user:{PASSWORD}@", wants=f"user:{PASSWORD}"),
            Starts()),
        Row("proxy: dead, but named in NO_PROXY", no_proxy, Starts(), root=True),
        Row("proxy: nobody listens", dead_proxy,
            fetch("connect proxy PROXY:PORT: connection refused", PROXY, WITHIN), cache=True),
        Row("proxy: never answers", through_proxy(bad.silent),
            fetch("ask proxy PROXY:PORT for HOST:PORT: timed out after <t>", PROXY, AT_DEADLINE), cache=True),
        Row("proxy: closes", through_proxy(bad.closes_after_the_request),
            fetch("ask proxy PROXY:PORT for HOST:PORT: the connection broke off", PROXY, WITHIN), cache=True),
        Row("proxy: wants a password", through_proxy(wants=f"user:{PASSWORD}"),
            fetch("ask proxy PROXY:PORT for HOST:PORT: it answered 407",
                  "give the proxy's user and password in https_proxy", WITHIN), cache=True),
        Row("proxy: wrong password", through_proxy(user=f"user:{PASSWORD}@", wants="user:another"),
            fetch("ask proxy PROXY:PORT for HOST:PORT: it answered 407",
                  "give the proxy's user and password in https_proxy", WITHIN), cache=True),
        Row("proxy: 403", through_proxy(refuses=403),
            fetch("ask proxy PROXY:PORT for HOST:PORT: it answered 403",
                  "let the proxy connect to the control plane, or use no_proxy", WITHIN), cache=True),
        Row("proxy: 502", through_proxy(refuses=502),
            fetch("ask proxy PROXY:PORT for HOST:PORT: it answered 502",
                  "check that the proxy can reach the control plane", WITHIN), cache=True),
        Row("proxy: its URL is none", unreadable_proxy,
            fetch("get BASE-URL/instance/v1/bundle: https_proxy is not the URL of a proxy",
                  "set it to http://HOST:PORT, or name the control plane's host in no_proxy")),
    ],
    "The credential": [
        Row("no credential", credential(None),
            Fails("credential: no credential is given",
                  "give --env-file .env, --agent NAME, or an agent's credential: --credential-file FILE, "
                  "or AGENT_SECRETS_CREDENTIAL in a container")),
        Row("a damaged credential", credential("agentcred_v1_e30.AAAA"),
            Fails("credential: AGENT_SECRETS_CREDENTIAL: agent credential: the secret part is not 36 bytes in base64url",
                  "copy the whole text that `credential issue` printed, or issue a new one")),
        Row("a credential in a pipe that nobody writes to", credential_in_a_pipe,
            Fails("credential: it was not done within --timeout, <t>",
                  "the credential's file is a pipe that nobody writes to, or on a disk that hangs", AT_DEADLINE)),
    ],
    "Names and files": [
        Row("`--rename` gives two keys one name",
            started_with("--rename", "OTHER=OWNER", serve=a_set_of(OWNER=FETCHED, OTHER="x")),
            Fails("environment: OTHER and OWNER would both be OWNER",
                  "leave one out with --only, or give each a name of its own with --rename or --file")),
        Row("`--rename` to a reserved name", started_with("--rename", "OWNER=LD_PRELOAD"),
            Fails("environment: the secret set has reserved names: LD_PRELOAD (loads code into every program)",
                  "take them out of the set, choose with --only, or permit each with --allow KEY")),
        Row("a value that no variable can hold", a_set_of(OWNER="x" * 131_072),
            Fails("environment: name and value take more than 131072 bytes: OWNER",
                  "no environment variable can hold that: give the program a file, --file KEY=VARIABLE")),
        Row("`--file` of a key that is not there", started_with("--file", "OWNERS=OWNER_FILE"),
            Fails("environment: keys for --file are missing: OWNERS",
                  "--file names a key as the set or the env file has it, before --rename and --prefix")),
        Row("`--file`, and the seccomp profile forbids memfd_create", without_memfd(errno.EPERM),
            Fails("files: OWNER: memfd_create: operation not permitted", MEMFD)),
        Row("`--file`, and the kernel has no memfd_create", without_memfd(errno.ENOSYS),
            Fails("files: OWNER: memfd_create: function not implemented", MEMFD)),
        Row("`--file`, and 64 descriptors at most", few_descriptors,
            Fails("files: OWNER: dup memfd: invalid argument",
                  "raise the limit of open files to 228 or more (ulimit -n)")),
        Row("`--file` at a path that is not on a tmpfs", started_with("--file", "OWNER=OWNER_FILE:/proc/sys/key"),
            Fails("files: OWNER: /proc/sys is not on a tmpfs",
                  "mount a tmpfs there, or let the value be written to that file system with --allow-disk")),
        Row("`--file` at a path, in a directory that is a symbolic link", at_a_path(linked),
            Fails("files: OWNER: DIR-files: not a directory, or a symbolic link", "give the directory itself")),
        Row("`--file` at a path, in a directory that others may write to", at_a_path(made(0o1777)),
            Fails("files: OWNER: DIR-files: others may write to the directory (mode 1777)", OURS_ALONE)),
        Row("`--file` at a path where something else is", at_a_path(occupied),
            Fails("files: OWNER: DIR-files/key is there already, and no earlier start made it",
                  "name another path, or remove what is there")),
        Row("`--file` at a path without a parent", started_with("--file", "OWNER=OWNER_FILE:/proc/no/such/key"),
            Fails("files: OWNER: open directory of a secret file /proc/no: no such file or directory",
                  "name a path in a directory that is there, or whose parent is, on a tmpfs that this user may "
                  "write to")),
    ],
    "Around the command": [
        Row("a `.env` beside the command has an injected key", a_dotenv,
            Starts(warning="a .env has injected keys: load_dotenv(override=True) would use its values")),
        Row("`NODE_CHANNEL_FD` names a descriptor that is not open", a_broken_promise,
            Starts(warning="a variable promises descriptors that the command cannot have: it is left out")),
    ],
}
ROWS = [row for rows in SECTIONS.values() for row in rows]


# What the cache's faults mean, once for all of them

REMOVE = "find out who changed it, then remove it: the next start fetches a new one"
FILE = "cache: DIR/cred-1.bundle: "
SERVED = Starts(CACHED, "the control plane cannot be reached: starting with the cached secrets", WITHIN)
NOT_KEPT = Starts(FETCHED, "the secrets could not be cached", WITHIN)
UNUSABLE = Starts(FETCHED, "the cache cannot be used: no start without the control plane, no memory against roll-back")


def unusable_cache(message, hint=REMOVE):
    """Serves no outage, and does not stop a start that needs no cache."""
    return fetch(f"connect HOST:PORT: connection refused; and the cache cannot be used: {message}", hint,
                 WITHIN), UNUSABLE


def required_cache(message, hint=REMOVE):
    """With --cache=required: the same, whether or not the control plane can be reached."""
    return Fails(message, hint), Fails(message, hint)


def required(arrange):
    def arrange_it(scene):
        scene.options += ["--cache", "required"]
        arrange(scene)
    return arrange_it


def given_to_a_group(scene):
    """As the kubelet leaves a volume with fsGroup at the second mount."""
    scene.fill_cache()
    scene.cache.chmod(0o2770)
    scene.cache_file.chmod(0o660)


def memory_of(kid):
    """The bundle of another credential of this agent, and nothing of this credential's."""
    def arrange(scene):
        scene.fill_cache(recipient=kid, sequence=9)
        scene.cache_file.rename(scene.cache / f"{kid}.bundle")
    return arrange


def no_fallback(why, hint):
    return fetch(f"connect HOST:PORT: connection refused; and {why}", hint, WITHIN)


def spoilt(spoil, **members):
    """A cache as it should be, then `spoil(scene)`."""
    def arrange(scene):
        scene.fill_cache(**members)
        spoil(scene)
    return arrange


def well(_):
    pass


def moved_behind(make_name):
    """The real file lies outside; in its place is what make_name(outside, inside) makes of it."""
    def spoil(scene):
        outside = scene.directory / "elsewhere.bundle"
        scene.cache_file.rename(outside)
        make_name(outside, scene.cache_file)
    return spoil


def replaced_by(make):
    def spoil(scene):
        scene.cache_file.unlink()
        make(scene.cache_file)
    return spoil


def rewritten(change):
    return lambda scene: scene.cache_file.write_bytes(change(scene.cache_file.read_bytes()))


def directory_is_a_link(scene):
    outside = scene.directory / "elsewhere"
    scene.cache.rename(outside)
    scene.cache.symlink_to(outside)


def left_over(make):
    """A writer was killed halfway: its temporary file is still there, or whatever somebody put in its place."""
    return lambda scene: make(scene.cache / ".cred-1.bundle.new")


def link_to_a_victim(temporary):
    victim = temporary.parent / "victim"
    victim.write_text("not to be written to")
    victim.chmod(0o400)
    temporary.symlink_to(victim)


def held_lock(scene):
    """Another writer holds the lock and never lets go."""
    descriptor = os.open(scene.cache, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    scene.at_the_end(os.close, descriptor)


def full_disk(scene):
    """A file system of one page, which the old file fills."""
    kept = scene.directory / "kept.bundle"
    scene.cache_file.rename(kept)
    scene.namespace += [f"mount -t tmpfs -o size=4k,mode=700 none {scene.cache}",
                        f"cp -p {kept} {scene.cache_file}"]


def read_only_disk(scene):
    scene.namespace += [f"mount --bind {scene.cache} {scene.cache}", f"mount -o remount,ro,bind {scene.cache}"]


def no_parent(scene):
    scene.cache = scene.directory / "absent" / "cache"


def accepts_an_older_one(scene):
    scene.options += ["--accept-sequence", "7"]


def ago(seconds):
    return int(time.time()) - seconds


CACHE_ROWS = [
    CacheRow("none: as it should be", spoilt(well), SERVED, Starts()),
    CacheRow("nothing in it yet", well, no_fallback("the cache is empty", NETWORK), Starts()),
    CacheRow("its directory cannot be made", no_parent, *unusable_cache(
        "cache: make cache directory DIR: no such file or directory",
        "make it, or its parent, on a disk that this user can write to")),
    CacheRow("a symbolic link", spoilt(moved_behind(lambda outside, inside: inside.symlink_to(outside))),
             *unusable_cache(FILE + "a symbolic link")),
    CacheRow("a hard link", spoilt(moved_behind(lambda outside, inside: inside.hardlink_to(outside))),
             *unusable_cache(FILE + "it has a second name (hard link)")),
    CacheRow("a pipe", spoilt(replaced_by(lambda path: os.mkfifo(path, 0o600))),
             *unusable_cache(FILE + "not a plain file")),
    CacheRow("a directory", spoilt(replaced_by(lambda path: path.mkdir(0o600))),
             *unusable_cache(FILE + "not a plain file")),
    CacheRow("mode 0644", spoilt(lambda scene: scene.cache_file.chmod(0o644)),
             *unusable_cache(FILE + "its mode is 0644, not 0600")),
    CacheRow("another user's file", spoilt(lambda scene: os.chown(scene.cache_file, 4711, -1)),
             *unusable_cache(FILE + "it belongs to another user"), root=True),
    CacheRow("an empty file", spoilt(rewritten(lambda _: b"")),
             *unusable_cache(FILE + "verify bundle: not a compact JWS")),
    CacheRow("cut short", spoilt(rewritten(lambda text: text[:-60])),
             *unusable_cache(FILE + "verify bundle: the signature is missing or of another length")),
    CacheRow("garbage", spoilt(rewritten(lambda _: b"\x00\xff" * 300)),
             *unusable_cache(FILE + "verify bundle: not a compact JWS")),
    CacheRow("a flipped byte", spoilt(rewritten(flipped(0.5))),
             *unusable_cache(FILE + "verify bundle: the signature is wrong")),
    CacheRow("over 4 MiB", spoilt(rewritten(lambda _: b"x" * (4 * 1024 * 1024 + 8202))),
             *unusable_cache(FILE + "more than 4202505 bytes")),
    CacheRow("another credential's bundle", spoilt(well, recipient="cred-2"),
             *unusable_cache(FILE + "verify bundle: it is for recipient 'cred-2', not 'cred-1'")),
    CacheRow("another agent's bundle", spoilt(well, agent="other"),
             *unusable_cache(FILE + "verify bundle: it is for agent 'other', not 'bot'")),
    CacheRow("the directory is a symbolic link", spoilt(directory_is_a_link), *unusable_cache(
        "cache: DIR: not a directory, or a symbolic link", "give the directory itself to --cache-dir")),
    CacheRow("the directory has mode 0770", spoilt(lambda scene: scene.cache.chmod(0o770)), *unusable_cache(
        "cache: DIR: others may write to the directory (mode 0770)", OURS_ALONE)),
    CacheRow("on a volume with fsGroup (modes 2770 and 0660)", given_to_a_group, *unusable_cache(
        "cache: DIR: others may write to the directory (mode 2770)", OURS_ALONE)),
    CacheRow("the same, and `--cache=required`", required(given_to_a_group), *required_cache(
        "cache: DIR: others may write to the directory (mode 2770)", OURS_ALONE)),
    CacheRow("the directory has mode 1777", spoilt(lambda scene: scene.cache.chmod(0o1777)), *unusable_cache(
        "cache: DIR: others may write to the directory (mode 1777)", OURS_ALONE)),
    CacheRow("another user's directory", spoilt(lambda scene: os.chown(scene.cache, 4711, -1)), *unusable_cache(
        "cache: DIR: the directory belongs to another user", THEIRS), root=True),
    CacheRow("25 hours old", spoilt(well, issued_at=ago(25 * 3600)),
             no_fallback("the cached bundle is 1d 1h old, and 1d is the most",
                         "bring the control plane back, or raise --cache-max-age"), Starts()),
    CacheRow("from 30 hours ahead", spoilt(well, issued_at=ago(-30 * 3600)),
             no_fallback("the cached bundle was issued 1d <n>h in the future", "set this host's clock"), Starts()),
    CacheRow("ahead of the control plane (roll-back)", spoilt(well, sequence=9), SERVED,
             Fails("cache: the answer is older than what this agent has run (sequence 7, seen 9)",
                   "find out why the control plane went back; if that is right, start once with "
                   "--accept-sequence 7")),
    CacheRow("another credential of the agent was ahead", memory_of("cred-0"),
             no_fallback("the cache is empty", NETWORK),
             Fails("cache: the answer is older than what this agent has run (sequence 7, seen 9)",
                   "find out why the control plane went back; if that is right, start once with "
                   "--accept-sequence 7")),
    CacheRow("ahead, and --accept-sequence", spoilt(accepts_an_older_one, sequence=9), SERVED, Starts()),
    CacheRow("a temporary file is left over", spoilt(left_over(lambda path: path.write_text("half"))),
             SERVED, Starts()),
    CacheRow("the temporary file is a link to another file", spoilt(left_over(link_to_a_victim)), SERVED, Starts()),
    CacheRow("the temporary file is a directory", spoilt(left_over(lambda path: path.mkdir())), SERVED, NOT_KEPT),
    CacheRow("another writer holds the lock for ever", spoilt(held_lock), SERVED, NOT_KEPT),
    CacheRow("the disk is full", spoilt(full_disk), SERVED, NOT_KEPT, root=True),
    CacheRow("the disk is read-only", spoilt(read_only_disk), SERVED, NOT_KEPT, root=True),
]

# Message and hint of a fault where libcurl 8 is linked. While TLS or a proxy has not answered, it does not say that the
# connection stands, so the step before is named. The released programs have libcurl 7.88, and the page speaks of them.
WITH_LIBCURL_8 = {
    "TLS: handshake stalls": ("fetch bundle: connect HOST:PORT: timed out after <t>", NETWORK),
    "proxy: never answers": ("fetch bundle: connect proxy PROXY:PORT: timed out after <t>", PROXY),
}
