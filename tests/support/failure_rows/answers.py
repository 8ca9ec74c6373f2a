"""Faults of the answer: slow, cut short, an error, a refusal, another bundle, a bundle without secrets."""

import email.utils
import time

from support import misbehaving_server as bad
from support.failure_rows.row import (
    AT_DEADLINE, BETWEEN, WITHIN, Fails, Row, Starts, answers, fetch, flipped, refuses,
)
from support.region import Region

FROM_IMAGE = "value-of-the-image"
LOG = "look at the control plane's log and metrics"
API_URL = "check that the credential's URL is the instance API's"
NEW_CREDENTIAL = "issue a credential for agent 'bot' and mount it here"


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


def signed_by_another(scene):
    other = Region()
    scene.serve(lambda connection: (
        connection.read_request(),
        connection.answer(body=other.bundle(scene.credential, connection.proof()["jti"], {"A": "b"}).encode(),
                          Content_Type="application/jose")))


def without_secrets(sets):
    """The command prints what the image has."""
    def arrange(scene):
        scene.serve(bad.bundles(members={"sets": sets, "values": {}}))
        scene.variables["OWNER"] = FROM_IMAGE
    return arrange


SECTIONS = {
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
}
