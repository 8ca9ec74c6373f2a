"""Shared by the benchmarks: a control plane over TLS with one bound agent, and tables of ratios."""

import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.dont_write_bytecode = True

from support.control_plane import ControlPlane, Tls  # noqa: E402
from support.tls import Authority  # noqa: E402

AGENT = "bot"
SET = "bot-secrets"


def tls_control_plane(directory, kind=ControlPlane):
    """Not yet started: use it in a `with`. `kind` is a ControlPlane class."""
    authority = Authority(directory / "ca")
    certificate, key = authority.server_certificate()
    return kind(directory / "control-plane", tls=Tls(certificate, key, authority.certificate))


def bind_agent(control_plane, values):
    """Deploys AGENT with `values` and returns its credential's text."""
    rest = control_plane.rest()
    assert rest.put_secrets(SET, **values).status == 202
    control_plane.wait_ready(SET)
    assert rest.deploy(AGENT, secretSet=SET).status == 200
    return control_plane.issue_credential(AGENT)


def print_ratios(samples, unit, baseline):
    """{name: [numbers]} as a table of medians, with the ratio to the baseline's median."""
    one = statistics.median(samples[baseline])
    width = max(map(len, samples))
    for name, numbers in samples.items():
        median = statistics.median(numbers)
        print(f"{name:{width}}  median {median:9.2f} {unit}  "
              f"min {min(numbers):9.2f}  max {max(numbers):9.2f}  {median / one:6.2f} x")
