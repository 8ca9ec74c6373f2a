#include "core/request_proof.h"

#include <fmt/format.h>

#include "core/encoding.h"
#include "core/limits.h"
#include "core/test_keys.h"
#include "tests/catch.h"

using namespace agent_secrets;
using std::chrono::seconds;

namespace {

constexpr seconds kNow{1'800'000'000};

struct Fixture {
  SigningKey key = test::other_key();
  KeyLookup find_key = test::only_key("cred-1", key);
  ProofClaims claims{
      .audience = "https://secrets.example.com",
      .method = "GET",
      .target = "/instance/v1/bundle?x=1",
      .issued_at = kNow,
      .nonce = "nonce-1",
      .report = {.instance_id = "pod-7.a", .running_sequence = 6, .active_sessions = 3}};
  ProofExpectation expected{.audiences = {"https://old.example.com", "https://secrets.example.com"},
                            .method = "GET",
                            .target = "/instance/v1/bundle?x=1",
                            .now = kNow};

  // The failure's code, or "accepted".
  std::string_view verdict(std::string_view authorization) const {
    const auto proof = verify_request_proof(authorization, expected, find_key);
    return proof ? "accepted" : proof_failure_code(proof.error());
  }
  std::string_view verdict() const { return verdict(make_request_proof(claims, "cred-1", key)); }
  std::string_view verdict_of_payload(std::string_view payload) const {
    return verdict("AgentProof " + sign_jws("cred-1", kProofType, payload, key));
  }
};

// As text, so that a test can break one member.
std::string payload(std::string_view member = "", std::string_view replacement = "") {
  std::string text =
      R"({"aud":"https://secrets.example.com","htm":"GET","htu":"/instance/v1/bundle?x=1",)"
      R"("iat":1800000000,"jti":"n","instance":"i","running_sequence":6,"active_sessions":3})";
  if (!member.empty()) text.replace(text.find(member), member.size(), replacement);
  return text;
}

}  // namespace

TEST_CASE_METHOD(Fixture, "a proof gives back its claims and its key id") {
  const auto proof =
      verify_request_proof(make_request_proof(claims, "cred-1", key), expected, find_key);
  REQUIRE(proof);
  CHECK(proof->kid == "cred-1");
  CHECK(proof->claims.audience == claims.audience);
  CHECK(proof->claims.method == "GET");
  CHECK(proof->claims.target == claims.target);
  CHECK(proof->claims.issued_at == kNow);
  CHECK(proof->claims.nonce == "nonce-1");
  CHECK(proof->claims.report.instance_id == "pod-7.a");
  CHECK(proof->claims.report.running_sequence == 6);
  CHECK(proof->claims.report.active_sessions == 3);
}

TEST_CASE_METHOD(Fixture, "a watch credential proves a request as its agent credential does") {
  const auto agent = test::agent_credential();
  const auto watch = parse_watch_credential(watch_credential_text(agent).expose_text());
  REQUIRE(watch);
  find_key = test::only_key("cred-1", agent.signing_key);
  CHECK(verdict(make_request_proof(claims, "cred-1", watch->signing_key)) == "accepted");
}

TEST_CASE_METHOD(Fixture, "a proof for another base URL is refused") {
  claims.audience = "https://evil.example.com";
  CHECK(verdict() == "wrong-audience");
  claims.audience = "https://secrets.example.com/";
  CHECK(verdict() == "wrong-audience");
}

TEST_CASE_METHOD(Fixture, "a server that expects no audience accepts none") {
  expected.audiences.clear();
  CHECK(verdict() == "wrong-audience");
}

TEST_CASE_METHOD(Fixture, "a proof for another method is refused") {
  claims.method = "POST";
  CHECK(verdict() == "wrong-request");
}

TEST_CASE_METHOD(Fixture, "a proof for another path or query is refused") {
  claims.target = "/instance/v1/watch";
  CHECK(verdict() == "wrong-request");
  claims.target = "/instance/v1/bundle";
  CHECK(verdict() == "wrong-request");
}

TEST_CASE_METHOD(Fixture, "a stale proof is refused") {
  claims.issued_at = kNow - seconds(300);
  CHECK(verdict() == "accepted");
  claims.issued_at = kNow - seconds(301);
  CHECK(verdict() == "clock-skew");
  claims.issued_at = seconds(0);
  CHECK(verdict() == "clock-skew");
}

TEST_CASE_METHOD(Fixture, "a proof from the future is refused") {
  claims.issued_at = kNow + seconds(300);
  CHECK(verdict() == "accepted");
  claims.issued_at = kNow + seconds(301);
  CHECK(verdict() == "clock-skew");
  claims.issued_at = seconds::max();
  CHECK(verdict() == "clock-skew");
}

TEST_CASE_METHOD(Fixture, "a key that is not registered, or revoked, is refused") {
  CHECK(verdict(make_request_proof(claims, "cred-2", key)) == "unknown-key");
}

TEST_CASE_METHOD(Fixture, "a proof signed by another credential under this key id is refused") {
  CHECK(verdict(make_request_proof(claims, "cred-1", test::region_key())) == "bad-signature");
}

TEST_CASE_METHOD(Fixture, "a character changed anywhere in a proof is refused") {
  const auto proof = make_request_proof(claims, "cred-1", key);
  for (std::size_t i = 0; i < proof.size(); ++i) {
    auto changed = proof;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    if (changed == proof) continue;
    CAPTURE(i);
    CHECK(verdict(changed) != "accepted");
  }
}

TEST_CASE_METHOD(Fixture, "claims changed after signing are a bad signature, whatever they say") {
  const auto proof = make_request_proof(claims, "cred-1", key);
  const auto first = proof.find('.');
  const auto second = proof.rfind('.');
  CHECK(verdict(proof.substr(0, first + 1) + base64url_encode(as_bytes(payload())) +
                proof.substr(second)) == "bad-signature");
}

TEST_CASE_METHOD(Fixture, "a request without a proof is refused") {
  for (const char* text : {"", "AgentProof", "AgentProof ", "Bearer x", "Basic Zm9vOmJhcg=="}) {
    CHECK(verdict(text) == "malformed");
  }
}

TEST_CASE_METHOD(Fixture, "an unsigned request is refused") {
  const auto none = base64url_encode(
      as_bytes(R"({"alg":"none","kid":"cred-1","typ":"agent-secrets-request+jwt"})"));
  CHECK(verdict("AgentProof " + none + '.' + base64url_encode(as_bytes(payload())) + '.') ==
        "malformed");
  const auto proof = make_request_proof(claims, "cred-1", key);
  CHECK(verdict(proof.substr(0, proof.rfind('.') + 1)) == "malformed");
  CHECK(verdict(proof.substr(0, proof.rfind('.'))) == "malformed");
}

TEST_CASE_METHOD(Fixture, "a twice-signed request is refused: two proofs joined") {
  const auto proof = make_request_proof(claims, "cred-1", key);
  const auto jws = proof.substr(proof.find(' ') + 1);
  for (const char* join : {".", ",", ", ", " ", "", ", AgentProof "}) {
    CAPTURE(join);
    CHECK(verdict(fmt::format("{}{}{}", proof, join, jws)) == "malformed");
  }
}

TEST_CASE_METHOD(Fixture, "a twice-signed request is refused: a proof as the payload of another") {
  const auto proof = make_request_proof(claims, "cred-1", key);
  CHECK(verdict_of_payload(proof.substr(proof.find(' ') + 1)) == "malformed");
  CHECK(verdict_of_payload('"' + proof + '"') == "malformed");
}

TEST_CASE_METHOD(Fixture, "a bundle's signature is no proof") {
  CHECK(verdict("AgentProof " + sign_jws("cred-1", "agent-secrets-bundle", payload(), key)) ==
        "malformed");
}

TEST_CASE_METHOD(Fixture, "another scheme or spacing is refused") {
  const auto jws = sign_jws("cred-1", kProofType, payload(), key);
  CHECK(verdict("AgentProof " + jws) == "accepted");
  for (const char* scheme : {"agentproof ", "AgentProof  ", "AgentProof\t", " AgentProof ",
                             "AgentProof", "Bearer ", "DPoP "}) {
    CAPTURE(scheme);
    CHECK(verdict(scheme + jws) == "malformed");
  }
}

TEST_CASE_METHOD(Fixture, "a proof past its bound is refused") {
  claims.target = "/" + std::string(limits::kProof, 'x');
  CHECK(verdict() == "malformed");
}

TEST_CASE_METHOD(Fixture, "signed claims that are missing or mistyped are refused") {
  CHECK(verdict_of_payload(payload()) == "accepted");
  for (const std::string name :
       {"aud", "htm", "htu", "iat", "jti", "instance", "running_sequence", "active_sessions"}) {
    CAPTURE(name);
    CHECK(verdict_of_payload(payload('"' + name + '"', "\"x\"")) == "malformed");
  }
  CHECK(verdict_of_payload(payload("1800000000", "\"1800000000\"")) == "malformed");
  CHECK(verdict_of_payload(payload("1800000000", "1800000000.5")) == "malformed");
  CHECK(verdict_of_payload(payload("1800000000", "-1")) == "malformed");
  CHECK(verdict_of_payload(payload(":6", ":-6")) == "malformed");
  CHECK(verdict_of_payload(payload("\"GET\"", "\"GET\",\"htm\":\"GET\"")) == "malformed");
}

TEST_CASE_METHOD(Fixture, "unknown claims are ignored") {
  CHECK(verdict_of_payload(payload("{", R"({"later":[1,{}],)")) == "accepted");
}

TEST_CASE_METHOD(Fixture, "an instance id or nonce that could forge a log line is refused") {
  for (const char* text : {R"("")", R"("a b")", R"("a\n")", R"("é")"}) {
    CAPTURE(text);
    CHECK(verdict_of_payload(payload("\"i\"", text)) == "malformed");
    CHECK(verdict_of_payload(payload("\"n\"", text)) == "malformed");
  }
  const auto too_long = '"' + std::string(65, 'i') + '"';
  CHECK(verdict_of_payload(payload("\"i\"", too_long)) == "malformed");
  CHECK(verdict_of_payload(payload("\"n\"", too_long)) == "malformed");
}
