"""Several real control planes on one database, and what an instance gets from any of them."""

import contextlib
import shutil

from support import protocol
from support.control_plane import ControlPlane


@contextlib.contextmanager
def replica_of(first, directory, database=None, environment=None, serve_options=()):
    """One more server beside `first`, with the same master key and the same token. It also answers to the first
    one's URL, so that credentials of either work with both."""
    other = ControlPlane(directory, database=database or first.database, environment=environment,
                         serve_options=["--public-url", first.url, *serve_options])
    directory.mkdir(parents=True)
    shutil.copy(first.master_key_file, other.master_key_file)
    other.token = first.token
    other.start()
    try:
        yield other
    finally:
        other.kill()


def served(credential, url=None):
    """The values that an instance gets now, as texts; None when the answer is not a bundle. `url` is that of a replica."""
    try:
        answer = protocol.get(url or credential.url, protocol.BUNDLE, protocol.proof(credential, protocol.BUNDLE))
    except OSError:
        return None
    if answer.status != 200:
        return None
    environment = protocol.open_bundle(credential, answer.body.decode())
    return {name.decode(): value.decode() for name, value in environment.items()}
