#!/usr/bin/python3
"""Launch time: the injector beside the `curl` command, whole processes, one run, in random order.

Twelve secrets in about 4 KB, TLS 1.3 on loopback. `curl` fetches the very bundle that the injector fetches.
"""

import pathlib
import random
import subprocess
import tempfile
import time

import bench_support
from support import programs, protocol

ROUNDS = 60


def main():
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        with bench_support.tls_control_plane(directory) as control_plane:
            commands = prepare(control_plane, directory)
            samples = {name: [] for name in commands}
            for _ in range(ROUNDS):
                for label in random.sample(list(commands), len(commands)):
                    samples[label].append(timed(*commands[label]))
            bench_support.print_ratios(samples, "ms", "curl, one CA certificate")


def prepare(control_plane, directory):
    """{label: (command, environment)}."""
    values = {f"API_KEY_{number:02}": "v" * 320 for number in range(12)}
    text = bench_support.bind_agent(control_plane, values)
    credential = directory / "credential"
    credential.write_text(text)
    credential.chmod(0o600)
    environment_file = directory / "secrets.env"
    environment_file.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
    authorization = protocol.proof(protocol.Credential.parse(text), protocol.BUNDLE)
    curl = ["curl", "-sSf", "-o", "/dev/null", "-H", f"Authorization: {authorization}",
            control_plane.url + protocol.BUNDLE]
    injector = str(programs.injector_program())
    plain = programs.clean_environment()
    system_and_ours = directory / "bundle.pem"
    system_and_ours.write_bytes(pathlib.Path("/etc/ssl/certs/ca-certificates.crt").read_bytes()
                                + pathlib.Path(control_plane.tls.ca).read_bytes())
    return {
        "/bin/true": (["/bin/true"], plain),
        "secret-injector --env-file": (
            [injector, "--env-file", str(environment_file), "--", "/bin/true"], plain),
        "secret-injector over TLS": (
            [injector, "--credential-file", str(credential), "--", "/bin/true"], plain),
        "curl, one CA certificate": ([*curl, "--cacert", str(control_plane.tls.ca)], plain),
        "curl, the system's bundle": ([*curl, "--cacert", str(system_and_ours)], plain),
    }


def timed(command, environment):
    """Milliseconds of a process from start to end, which must succeed."""
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True)
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    main()
