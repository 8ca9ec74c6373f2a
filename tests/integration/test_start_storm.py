"""Many instances that start together after an outage all get their bundles."""

import re

from support import protocol, start_storm
from support.control_plane import ControlPlane, Tls
from support.tls import Authority
from support.wait import wait_for

INSTANCES = 200
CREDENTIALS = 10


def test_two_hundred_instances_that_start_after_an_outage_are_all_served(tmp_path):
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.server_certificate()
    tls = Tls(certificate, key, authority.certificate)
    with ControlPlane(tmp_path / "control-plane", tls=tls) as control_plane:
        credentials = bound_credentials(control_plane)
        control_plane.kill()
        control_plane.start()
        starts = start_storm.run(control_plane, credentials, INSTANCES, within=0.5)
        assert start_storm.served_last(starts) is not None
        # A refusal says when to come back; nothing fails, and no connection is lost.
        assert set(start_storm.refusals(starts)) <= {429, 503}
        wait_for(lambda: recorded(control_plane) == INSTANCES, what="the record of every instance")


def recorded(control_plane):
    printed = control_plane.run("fleet", "bot", "--json").stdout
    return len(set(re.findall(r"instance-\d+", printed)))


def bound_credentials(control_plane):
    rest = control_plane.rest()
    assert rest.put_secrets("bot-secrets", KEY="value").status == 202
    control_plane.wait_ready("bot-secrets")
    assert rest.deploy("bot", secretSet="bot-secrets").status == 200
    texts = [control_plane.issue_credential("bot") for _ in range(CREDENTIALS)]
    return [protocol.Credential.parse(text) for text in texts]
