"""Paths of the built programs and of the repository."""

import contextlib
import os
import pathlib
import random
import socket

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def build_directory():
    """$AGENT_SECRETS_BUILD, relative to the repository's root; build/dev unless set."""
    return ROOT / os.environ.get("AGENT_SECRETS_BUILD", "build/dev")


def control_plane_program():
    return build_directory() / "control-plane" / "secret-control-plane"


def injector_program():
    return _instance_program("injector")


def sidecar_program():
    return _instance_program("sidecar")


def _instance_program(name):
    """The program of the build; the file of script/release if $AGENT_SECRETS_RELEASE names its directory
    (dist/amd64)."""
    release = os.environ.get("AGENT_SECRETS_RELEASE")
    return (ROOT / release if release else build_directory() / name) / f"secret-{name}"


def clean_environment(**extra):
    """A small environment, so that a program under test does not depend on the caller's environment."""
    # The three programs on PATH: the injector looks for the sidecar there.
    path = [str(sidecar_program().parent), "/usr/local/bin", "/usr/bin", "/bin"]
    environment = {"PATH": ":".join(path), "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    environment.update({key: os.environ[key] for key in os.environ if key.endswith("SAN_OPTIONS")})
    environment.update({key: str(value) for key, value in extra.items()})
    return environment


def _ports():
    """The ports are below those that the kernel gives to clients (ip_local_port_range), and different for tests
    that run in parallel."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports = list(range(20_000 + worker, 32_000, workers))
    random.shuffle(ports)
    return iter(ports)


_free_ports = _ports()


def free_port():
    """A loopback port that is free now and was not returned before."""
    for port in _free_ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no loopback port is free")
