#pragma once
// Authenticates every request of the instance API: `Authorization: AgentProof <compact JWS>`,
// signed with the credential's Ed25519 key, typ "agent-secrets-request+jwt". The claims bind the
// signature to one base URL, method, path and moment; the proof also has the instance's report, so
// the fleet view needs no second request. All calls only read: a replayed proof gets ciphertext or
// metadata, so the server stores no nonces. Source: docs/protocol.md; the claim names follow RFC
// 9449 (DPoP).

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/jws.h"

namespace agent_secrets {

inline constexpr std::string_view kProofScheme = "AgentProof";
inline constexpr std::string_view kProofType = "agent-secrets-request+jwt";

// The instance's report about itself.
struct InstanceReport {
  std::string instance_id;  // the injector's choice: 1 to limits::kInstanceIdMax of [A-Za-z0-9_.-]
  std::int64_t running_sequence = 0;  // of the bundle it runs; 0 before the first
  std::int64_t active_sessions = 0;
};

struct ProofClaims {
  std::string audience;  // `aud`: the base URL that the credential names
  std::string method;    // `htm`
  std::string target;    // `htu`: path and query, as appended to the base URL
  std::chrono::seconds issued_at{};
  std::string nonce;  // `jti`: fresh for each request, a key id in form; repeated in the bundle
  InstanceReport report;
};

// The value of the Authorization header.
std::string make_request_proof(const ProofClaims& claims, std::string_view kid,
                               const SigningKey& key);

struct VerifiedProof {
  std::string kid;
  ProofClaims claims;
};

// The values that the request must match. `audiences` are the server's own public URLs, never the
// Host header.
struct ProofExpectation {
  std::vector<std::string> audiences;
  std::string method;
  std::string target;
  std::chrono::seconds now{};
};

enum class ProofFailure {
  malformed,
  unknown_key,
  bad_signature,
  wrong_audience,
  wrong_request,
  clock_skew
};

// The signature is checked before any claim is read. The error says which check failed, for the
// 401's `code`.
std::expected<VerifiedProof, ProofFailure> verify_request_proof(std::string_view authorization,
                                                                const ProofExpectation& expected,
                                                                const KeyLookup& find_key);

// "malformed", "clock-skew", …: the `code` of the 401.
std::string_view proof_failure_code(ProofFailure failure);

}  // namespace agent_secrets
