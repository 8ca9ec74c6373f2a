// What the instance API reads before it knows who asks: the Authorization header as it came, and,
// for what a mutation cannot sign, the input as the claims of a registered credential.
// Parser: core/request_proof.cc
#include "core/encoding.h"
#include "core/limits.h"
#include "core/request_proof.h"
#include "core/test_keys.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;

namespace {

const ProofExpectation& expectation() {
  static const ProofExpectation expected{.audiences = {"https://secrets.example.com"},
                                         .method = "GET",
                                         .target = "/instance/v1/bundle",
                                         .now = std::chrono::seconds(1'795'442'526)};
  return expected;
}

void check(std::string_view authorization, const SigningKey& key) {
  const auto lookup = test::only_key("cred-1", key);
  const auto proof = verify_request_proof(authorization, expectation(), lookup);
  if (!proof) return AGENT_SECRETS_ASSERT(!proof_failure_code(proof.error()).empty());
  const ProofClaims& claims = proof->claims;
  AGENT_SECRETS_ASSERT(proof->kid == "cred-1" && is_key_id(claims.nonce));
  AGENT_SECRETS_ASSERT(claims.audience == expectation().audiences.front());
  AGENT_SECRETS_ASSERT(claims.method == expectation().method);
  AGENT_SECRETS_ASSERT(claims.target == expectation().target);
  AGENT_SECRETS_ASSERT(claims.issued_at <= expectation().now + limits::kClockSkew);
  AGENT_SECRETS_ASSERT(claims.issued_at >= expectation().now - limits::kClockSkew);
  AGENT_SECRETS_ASSERT(fuzz::has_no_control(claims.report.instance_id));

  const std::string again = make_request_proof(claims, "cred-1", key);
  const auto verified = verify_request_proof(again, expectation(), lookup);
  AGENT_SECRETS_ASSERT(verified && make_request_proof(verified->claims, "cred-1", key) == again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::text(data, size);
  static const SigningKey key = test::region_key();
  check(input, key);
  check(std::string(kProofScheme) + ' ' + sign_jws("cred-1", kProofType, input, key), key);
  return 0;
}
