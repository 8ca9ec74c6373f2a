"""The public half of a credential's text (docs/protocol.md): read, and changed with the secret half kept."""

import base64
import json


def identity_of(credential):
    """The public JSON, parsed."""
    public = credential.split("_v1_", 1)[1].split(".", 1)[0]
    return json.loads(base64.urlsafe_b64decode(public + "=" * (-len(public) % 4)))


def with_identity(credential, **changes):
    """The credential with changed members in its public JSON (None: removed) and the same secret half."""
    prefix, rest = credential.split("_v1_", 1)
    members = identity_of(credential) | changes
    text = json.dumps({name: value for name, value in members.items() if value is not None})
    public = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    return f"{prefix}_v1_{public}.{rest.split('.', 1)[1]}"
