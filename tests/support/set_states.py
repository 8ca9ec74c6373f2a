"""Brings secret sets of a real control plane into the states that only a failure causes."""

import contextlib
import sqlite3

from support.wait import wait_for


@contextlib.contextmanager
def held_region(control_plane, code="us-west"):
    """While it is active the region's store cannot be written, so new versions of a set stay pending."""
    path = control_plane.data_dir / f"region-{code}.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as store:
        store.execute("BEGIN IMMEDIATE")
        yield


def damage(control_plane, name):
    """Damages the values of a ready set: its newest version no longer decrypts, and so fails."""
    control_plane.stop()
    with contextlib.closing(sqlite3.connect(control_plane.data_dir / "catalog.db")) as catalog:
        of_set = "set_id = (SELECT id FROM sets WHERE name = ?)"
        assert catalog.execute(f"UPDATE set_values SET box = zeroblob(64) WHERE {of_set}", (name,)).rowcount
        catalog.execute("UPDATE sets SET status = 'pending', due_at = 0 WHERE name = ?", (name,))
        catalog.commit()
    control_plane.start()
    rest = control_plane.rest()

    def failed():
        sets = rest.org("GET", "secrets").body["sets"]
        return [row for row in sets if row["name"] == name and row["status"] == "failed"]

    wait_for(failed, what=f"set {name} failing")
