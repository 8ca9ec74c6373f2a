"""Requests that the instance API refuses, sent by a second implementation of the protocol."""

import json
import time

import pytest

from support import protocol
from support.protocol import BUNDLE, WATCH


def refused(answer, status=401):
    """The answer is a refusal in the documented form, with no other content."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json) == {"error", "code"} and answer.json["error"]
    return answer.json["code"]


def ask(credential, authorization, target=BUNDLE):
    return protocol.get(credential.url, target, authorization)


def test_an_honest_request_is_answered_with_a_bundle_that_opens(credential):
    answer = protocol.fetch_bundle(credential)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/jose"
    assert answer.headers["cache-control"] == "no-store"
    assert protocol.open_bundle(credential, answer.body.decode()) == {b"OWNER": b"for-bot"}


def test_the_bundle_answers_with_the_nonce_of_the_request(credential):
    answer = protocol.fetch_bundle(credential, jti="a-nonce-of-ours")
    assert protocol.verify_bundle(credential, answer.body.decode())["nonce"] == "a-nonce-of-ours"


def test_a_request_without_a_proof_is_refused(credential):
    refused(ask(credential, ()))


def test_an_unsigned_proof_is_refused(credential):
    body = json.dumps(protocol.claims(credential, BUNDLE)).encode()
    head = protocol.header(credential.identity["kid"], protocol.PROOF_TYPE, algorithm="none")
    unsigned = f"{protocol.b64(head.encode())}.{protocol.b64(body)}."
    refused(ask(credential, "AgentProof " + unsigned))


def test_a_proof_with_an_empty_signature_is_refused(credential):
    signed = protocol.proof(credential, BUNDLE)
    refused(ask(credential, signed[: signed.rindex(".") + 1]))


def test_a_proof_that_is_signed_twice_is_refused(credential):
    once = protocol.proof(credential, BUNDLE).removeprefix("AgentProof ")
    head = protocol.header(credential.identity["kid"], protocol.PROOF_TYPE)
    twice = protocol.sign_jws(credential.signing, head, once.encode())
    refused(ask(credential, "AgentProof " + twice))


def test_two_authorization_headers_are_refused(credential):
    refused(ask(credential, [protocol.proof(credential, BUNDLE)] * 2))


def test_a_bearer_token_does_not_open_the_instance_api(control_plane, credential):
    refused(ask(credential, f"Bearer {control_plane.token}"))


def test_a_proof_does_not_open_the_rest_api(control_plane, credential):
    target = f"/v1/organizations/{control_plane.organization}/secrets"
    assert protocol.get(credential.url, target, protocol.proof(credential, target)).status == 401


@pytest.mark.parametrize("offset", [-301, 301, -86400])
def test_a_proof_from_another_time_is_refused_as_clock_skew(credential, offset):
    answer = protocol.fetch_bundle(credential, iat=int(time.time()) + offset)
    assert refused(answer) == "clock-skew"
    assert "date" in answer.headers


def test_a_proof_for_another_path_is_refused(credential):
    refused(ask(credential, protocol.proof(credential, WATCH)))


def test_a_proof_for_another_query_is_refused(credential):
    refused(ask(credential, protocol.proof(credential, BUNDLE), target=BUNDLE + "?x=1"))


def test_a_proof_for_another_method_is_refused(credential):
    refused(protocol.fetch_bundle(credential, htm="POST"))


def test_a_proof_for_another_audience_is_refused_whatever_the_host_header_says(credential):
    authorization = protocol.proof(credential, BUNDLE, aud="https://elsewhere.example")
    answer = protocol.get(credential.url, BUNDLE, authorization, Host="elsewhere.example")
    refused(answer)


def test_a_proof_of_another_type_is_refused(credential):
    body = json.dumps(protocol.claims(credential, BUNDLE)).encode()
    head = protocol.header(credential.identity["kid"], "JWT")
    refused(ask(credential, "AgentProof " + protocol.sign_jws(credential.signing, head, body)))


def test_a_proof_that_names_another_key_is_refused(credential, other_credential):
    body = json.dumps(protocol.claims(credential, BUNDLE)).encode()
    head = protocol.header(other_credential.identity["kid"], protocol.PROOF_TYPE)
    refused(ask(credential, "AgentProof " + protocol.sign_jws(credential.signing, head, body)))


def test_an_unknown_key_is_refused_as_a_bad_signature_is(credential):
    body = json.dumps(protocol.claims(credential, BUNDLE)).encode()
    signed = protocol.sign_jws(
        credential.signing, protocol.header("ak_unknown", protocol.PROOF_TYPE), body)
    unknown = ask(credential, "AgentProof " + signed)
    broken = protocol.proof(credential, BUNDLE)[:-4] + "AAAA"
    assert refused(unknown) and refused(ask(credential, broken))


@pytest.mark.parametrize("spelling", [
    '{"kid":"KID","alg":"Ed25519","typ":"TYP"}',
    '{"alg":"Ed25519", "kid":"KID","typ":"TYP"}',
    '{"alg":"Ed25519","kid":"KID","typ":"TYP","crit":[]}',
    '{"alg":"EdDSA","kid":"KID","typ":"TYP"}',
])
def test_a_header_in_any_other_spelling_is_refused(credential, spelling):
    head = spelling.replace("KID", credential.identity["kid"])
    head = head.replace("TYP", protocol.PROOF_TYPE)
    body = json.dumps(protocol.claims(credential, BUNDLE)).encode()
    refused(ask(credential, "AgentProof " + protocol.sign_jws(credential.signing, head, body)))


@pytest.mark.parametrize("missing", ["aud", "htm", "htu", "iat", "jti"])
def test_a_proof_without_a_claim_is_refused(credential, missing):
    body = protocol.claims(credential, BUNDLE)
    del body[missing]
    head = protocol.header(credential.identity["kid"], protocol.PROOF_TYPE)
    signed = protocol.sign_jws(credential.signing, head, json.dumps(body).encode())
    refused(ask(credential, "AgentProof " + signed))


def test_an_oversized_proof_is_refused(credential):
    answer = protocol.fetch_bundle(credential, instance="x" * 20_000)
    assert answer.status in (401, 431) and answer.json["error"]


def test_every_flipped_byte_of_a_proof_is_refused(credential):
    honest = protocol.proof(credential, BUNDLE)
    for position in range(len("AgentProof "), len(honest), 7):
        flipped = "A" if honest[position] != "A" else "B"
        answer = ask(credential, honest[:position] + flipped + honest[position + 1:])
        assert answer.status in (401, 429)  # failures over the limit of a minute are throttled


def test_one_agents_bundle_does_not_open_for_another(credential, other_credential):
    compact = protocol.fetch_bundle(other_credential).body.decode()
    with pytest.raises(Exception):
        protocol.open_bundle(credential, compact)
    assert protocol.open_bundle(other_credential, compact) == {b"OWNER": b"for-other"}


def test_a_watch_answer_holds_no_value(credential):
    answer = protocol.watch(credential)
    assert answer.status == 200 and b"for-bot" not in answer.body


def test_a_revoked_credential_gets_no_bundle_and_hears_that_it_is_revoked(control_plane):
    doomed = protocol.Credential.parse(control_plane.issue_credential("bot"))
    assert protocol.fetch_bundle(doomed).status == 200
    control_plane.run("credential", "revoke", "bot", doomed.identity["kid"])
    refused(protocol.fetch_bundle(doomed), status=403)
    assert protocol.watch(doomed).json["state"] == "revoked"
