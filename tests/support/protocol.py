"""A second implementation of docs/protocol.md, on PyNaCl: written from the page, sharing no code with the programs.

It sends requests to a control plane as an instance does; a test can make it send faulty requests.
"""

import base64
import dataclasses
import hashlib
import http.client
import json
import secrets
import ssl
import time
import urllib.parse

import nacl.bindings
import nacl.public
import nacl.signing

PROOF_TYPE = "agent-secrets-request+jwt"
BUNDLE_TYPE = "agent-secrets-bundle"
KEY_TYPE = "agent-secrets-key"
KEYS_HEADER = "agent-secrets-keys"  # as Answer.headers has it


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def subkey(seed, number):
    """crypto_kdf_derive_from_key: BLAKE2b keyed with the seed, salted with the number."""
    return hashlib.blake2b(
        b"", digest_size=32, key=seed, salt=number.to_bytes(8, "little") + bytes(8),
        person=b"agntsecr" + bytes(8),
    ).digest()


@dataclasses.dataclass(frozen=True)
class Credential:
    identity: dict
    signing: nacl.signing.SigningKey
    box: nacl.public.PrivateKey | None  # None for a watch credential

    @staticmethod
    def parse(text):
        prefix, body = text[: text.rindex("_") + 1], text
        for known in ("agentcred_v1_", "agentwatch_v1_"):
            if text.startswith(known):
                prefix, body = known, text[len(known):]
        public, secret = (unb64(part) for part in body.split("."))
        key, checksum = secret[:32], secret[32:]
        assert hashlib.blake2b(key, digest_size=32).digest()[:4] == checksum, "checksum"
        if prefix == "agentwatch_v1_":
            return Credential(json.loads(public), nacl.signing.SigningKey(key), None)
        _, box = nacl.bindings.crypto_box_seed_keypair(subkey(key, 2))
        signing = nacl.signing.SigningKey(subkey(key, 1))
        return Credential(json.loads(public), signing, nacl.public.PrivateKey(box))

    @property
    def url(self):
        return self.identity["urls"][0]


def sign_jws(key, header, payload):
    """A compact JWS over exactly these header bytes and this payload."""
    signed = b64(header.encode()) + "." + b64(payload)
    return signed + "." + b64(key.sign(signed.encode()).signature)


def header(kid, kind, algorithm="Ed25519"):
    return f'{{"alg":"{algorithm}","kid":"{kid}","typ":"{kind}"}}'


def claims(credential, target, **changed):
    values = {
        "aud": credential.url, "htm": "GET", "htu": target, "iat": int(time.time()),
        "jti": secrets.token_urlsafe(16), "instance": "test", "running_sequence": 0,
        "active_sessions": 0,
    }
    return values | changed


def proof(credential, target, **changed):
    """The Authorization header of a request for `target`; keyword arguments replace claims."""
    payload = json.dumps(claims(credential, target, **changed), separators=(",", ":")).encode()
    kid = credential.identity["kid"]
    return "AgentProof " + sign_jws(credential.signing, header(kid, PROOF_TYPE), payload)


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def get(url, target, authorization=(), ca_file=None, timeout=60, **headers):
    """GET with any number of Authorization headers."""
    where = urllib.parse.urlsplit(url)
    if where.scheme == "https":
        context = ssl.create_default_context(cafile=ca_file)
        connection = http.client.HTTPSConnection(where.netloc, context=context, timeout=timeout)
    else:
        connection = http.client.HTTPConnection(where.netloc, timeout=timeout)
    try:
        connection.putrequest("GET", target, skip_host="Host" in headers)
        for value in [authorization] if isinstance(authorization, str) else authorization:
            connection.putheader("Authorization", value)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        lower = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, lower, response.read())
    finally:
        connection.close()


BUNDLE = "/instance/v1/bundle"
WATCH = "/instance/v1/watch"


def fetch_bundle(credential, **changed):
    return get(credential.url, BUNDLE, proof(credential, BUNDLE, **changed))


def watch(credential, running_sequence=0, **headers):
    return get(credential.url, WATCH, proof(credential, WATCH, running_sequence=running_sequence),
               **headers)


def verify_jws(keys, kind, compact):
    """The payload, if one of the keys {kid: x} has signed it; None for every other key id."""
    protected, payload, signature = compact.split(".")
    for kid, x in keys.items():
        if unb64(protected) == header(kid, kind).encode():
            nacl.signing.VerifyKey(unb64(x)).verify(f"{protected}.{payload}".encode(), unb64(signature))
            return json.loads(unb64(payload))
    return None


def trusted_keys(credential, announcements=""):
    """{kid: x} of the credential, and of the keys that they announce."""
    keys = {key["kid"]: key["x"] for key in credential.identity["verification_keys"]}
    for announcement in announcements.split()[:8]:
        announced = verify_jws(keys, KEY_TYPE, announcement)
        if announced is not None:
            keys.setdefault(announced["kid"], announced["x"])
    return keys


def verify_bundle(credential, compact, announcements=""):
    """The payload, if one of the credential's verification keys, or one that they announce, has signed it."""
    payload = verify_jws(trusted_keys(credential, announcements), BUNDLE_TYPE, compact)
    assert payload is not None, "no verification key signed this bundle"
    return payload


def open_bundle(credential, compact, announcements=""):
    """The environment of a bundle, as a dictionary of bytes."""
    payload = verify_bundle(credential, compact, announcements)
    padded = nacl.public.SealedBox(credential.box).decrypt(unb64(payload["sealed"]))
    block = padded[: padded.rindex(b"\x80")]
    return dict(entry.split(b"=", 1) for entry in block.split(b"\0")[:-1])
