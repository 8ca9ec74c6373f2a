"""A file system that is small, and soon full."""

import contextlib
import subprocess

import pytest


@contextlib.contextmanager
def mounted(path, mebibytes):
    """A tmpfs of that size at `path`, which is made. Mounting needs root: the test is skipped without it."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0700", "tmpfs", path]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a tmpfs needs root")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def take_all_room(directory):
    """As another program would: one file, returned, that takes all the space left."""
    filler = directory / "another-program"
    with open(filler, "wb", buffering=0) as file:
        for size in (65536, 512):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    return filler
