#include "core/request_proof.h"

#include <algorithm>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "core/encoding.h"
#include "core/json_reader.h"
#include "core/limits.h"

namespace agent_secrets {
namespace {

constexpr std::size_t kMethodMax = 16;

bool is_instance_id(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c == '.' || is_key_id({&c, 1}); });
}

Result<ProofClaims> parse_claims(std::string_view payload) {
  JsonDocument document(payload, limits::kProof);
  const auto root = document.root();
  ProofClaims claims;
  claims.audience = root.text("aud", limits::kUrl);
  claims.method = root.text("htm", kMethodMax);
  claims.target = root.text("htu", limits::kUrl);
  claims.issued_at = std::chrono::seconds(root.integer("iat"));
  claims.nonce = root.text("jti", limits::kNonceMax);
  if (!is_key_id(claims.nonce)) root.refuse("jti", "other characters than [A-Za-z0-9_-]");
  claims.report.instance_id = root.text("instance", limits::kInstanceIdMax);
  if (!is_instance_id(claims.report.instance_id)) {
    root.refuse("instance", "other characters than [A-Za-z0-9_.-]");
  }
  claims.report.running_sequence = root.integer("running_sequence");
  claims.report.active_sessions = root.integer("active_sessions");
  if (auto read = document.finish(); !read) return propagate(read);
  return claims;
}

std::optional<ProofFailure> mismatch(const ProofClaims& claims, const ProofExpectation& expected) {
  if (std::ranges::find(expected.audiences, claims.audience) == expected.audiences.end()) {
    return ProofFailure::wrong_audience;
  }
  if (claims.method != expected.method || claims.target != expected.target) {
    return ProofFailure::wrong_request;
  }
  if (std::chrono::abs(expected.now - claims.issued_at) > limits::kClockSkew) {
    return ProofFailure::clock_skew;
  }
  return std::nullopt;
}

// verify_jws has one error for all failures. This lookup records how far verification came, so that
// the client gets a useful code: verify_jws looks up the key only for a well-formed JWS.
class ObservedLookup {
 public:
  explicit ObservedLookup(const KeyLookup& find_key) : find_key_(find_key) {}

  std::optional<SigningPublicKey> operator()(std::string_view kid) {
    auto key = find_key_(kid);
    failure_ = key ? ProofFailure::bad_signature : ProofFailure::unknown_key;
    return key;
  }
  [[nodiscard]] ProofFailure failure() const { return failure_; }

 private:
  const KeyLookup& find_key_;
  ProofFailure failure_ = ProofFailure::malformed;
};

}  // namespace

std::string make_request_proof(const ProofClaims& claims, std::string_view kid,
                               const SigningKey& key) {
  const boost::json::object payload{{"aud", claims.audience},
                                    {"htm", claims.method},
                                    {"htu", claims.target},
                                    {"iat", std::int64_t{claims.issued_at.count()}},
                                    {"jti", claims.nonce},
                                    {"instance", claims.report.instance_id},
                                    {"running_sequence", claims.report.running_sequence},
                                    {"active_sessions", claims.report.active_sessions}};
  return fmt::format("{} {}", kProofScheme,
                     sign_jws(kid, kProofType, boost::json::serialize(payload), key));
}

std::expected<VerifiedProof, ProofFailure> verify_request_proof(std::string_view authorization,
                                                                const ProofExpectation& expected,
                                                                const KeyLookup& find_key) {
  if (authorization.size() > limits::kProof || !authorization.starts_with(kProofScheme) ||
      authorization.substr(kProofScheme.size(), 1) != " ") {
    return std::unexpected(ProofFailure::malformed);
  }
  ObservedLookup lookup(find_key);
  auto jws =
      verify_jws(authorization.substr(kProofScheme.size() + 1), kProofType, std::ref(lookup));
  if (!jws) return std::unexpected(lookup.failure());
  auto claims = parse_claims(as_text(jws->payload));
  if (!claims) return std::unexpected(ProofFailure::malformed);
  if (const auto failure = mismatch(*claims, expected)) return std::unexpected(*failure);
  return VerifiedProof{.kid = std::move(jws->kid), .claims = std::move(*claims)};
}

std::string_view proof_failure_code(ProofFailure failure) {
  switch (failure) {
    case ProofFailure::malformed:
      return "malformed";
    case ProofFailure::unknown_key:
      return "unknown-key";
    case ProofFailure::bad_signature:
      return "bad-signature";
    case ProofFailure::wrong_audience:
      return "wrong-audience";
    case ProofFailure::wrong_request:
      return "wrong-request";
    case ProofFailure::clock_skew:
      return "clock-skew";
  }
  AGENT_SECRETS_ASSERT(false);
}

}  // namespace agent_secrets
