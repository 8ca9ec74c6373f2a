"""The two lines of docs/deploy, read from there, in images that know nothing of secrets."""

import signal

import pytest
from support.wait import wait_for

PRINT = "import os, time; print('greeting', os.environ['GREETING'], flush=True); time.sleep(600)"
COMMANDS = {
    "debian-trixie": ["python3", "-c", PRINT],
    "alpine-like": ["sh", "-c", "echo greeting $GREETING; exec busybox sleep 600"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_two_lines_give_an_image_secrets(run, images, change, values, name):
    base = images.alpine_like() if name == "alpine-like" else images.debian("trixie")
    container = run(images.with_two_lines(base, COMMANDS[name]), init=True)
    container.wait_logged(f"greeting {values[0]}\n")
    wait_for(lambda: container.sidecar("/readyz")[1].startswith(b"current"), what="the sidecar's start")
    ready_at = change()
    flag, flagged_at = wait_for(container.redeploy_flag, what="the flag")
    assert flag["state"] == "stale" and flagged_at - ready_at < 1
    assert container.execute("secret-sidecar", "status").returncode == 10
    container.send(signal.SIGTERM)
    assert container.wait() == 128 + signal.SIGTERM


def test_the_alpine_like_image_has_no_glibc(images):
    files = {path.name for path in images.root(images.alpine_like()).rglob("*") if path.is_file()}
    assert any(name.startswith("ld-musl-") for name in files)
    assert not any(name.startswith(("libc.so", "libc-", "ld-linux")) for name in files)
