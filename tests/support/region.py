"""A region without a control plane: it issues credentials and signs bundles, with the faults that a test needs.
Written from docs/protocol.md, on support.protocol."""

import dataclasses
import hashlib
import json
import os
import time

import nacl.public
import nacl.signing

from support import protocol

ORGANIZATION = "acme"


@dataclasses.dataclass(frozen=True)
class Minted:
    """An agent credential: its text, and its content."""

    text: str
    parsed: protocol.Credential

    @property
    def kid(self):
        return self.parsed.identity["kid"]


class Region:
    def __init__(self):
        self.kid = "region-1"
        self.key = nacl.signing.SigningKey.generate()

    def mint(self, urls, agent="bot", kid="cred-1", ca=None):
        """A credential for these base URLs; `ca` is PEM text."""
        public = protocol.b64(bytes(self.key.verify_key))
        identity = {
            "urls": list(urls), "organization": ORGANIZATION, "agent": agent, "kid": kid,
            "verification_keys": [{"kid": self.kid, "x": public}],
        }
        if ca:
            identity["ca"] = ca
        seed = os.urandom(32)
        checksum = hashlib.blake2b(seed, digest_size=32).digest()[:4]
        text = (f"agentcred_v1_{protocol.b64(json.dumps(identity).encode())}."
                f"{protocol.b64(seed + checksum)}")
        return Minted(text, protocol.Credential.parse(text))

    def bundle(self, minted, nonce, values, **changed):
        """A compact bundle that seals `values` to the credential; keyword arguments replace members."""
        identity = minted.parsed.identity
        payload = {
            "organization": identity["organization"], "agent": identity["agent"], "deployment": "dep-1",
            "sequence": 7, "recipient": identity["kid"], "sets": [{"name": "voice", "version": 3}],
            "region": "us-west", "issued_at": int(time.time()), "nonce": nonce,
            "sealed": seal(minted.parsed.box.public_key, values),
        }
        body = json.dumps(payload | changed, separators=(",", ":")).encode()
        return protocol.sign_jws(self.key, protocol.header(self.kid, protocol.BUNDLE_TYPE), body)


def seal(public_key, values):
    """The base64url of the sealed environment block."""
    block = b"".join(f"{key}={values[key]}".encode() + b"\0" for key in sorted(values))
    padded = block + b"\x80"
    padded += bytes(-len(padded) % 256)
    return protocol.b64(nacl.public.SealedBox(public_key).encrypt(padded))
