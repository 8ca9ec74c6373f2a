#include "control-plane/instance-api/authenticate.h"

#include <optional>
#include <utility>

#include "control-plane/instance-api/answers.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

std::string_view sentence(ProofFailure failure) {
  switch (failure) {
    case ProofFailure::malformed:
      return "the request needs one Authorization header with an AgentProof";
    case ProofFailure::unknown_key:
      return "no credential of this control plane has this key id";
    case ProofFailure::bad_signature:
      return "the proof is not signed by this credential";
    case ProofFailure::wrong_audience:
      return "the proof is for another base URL; compare the credential's urls with `public-url "
             "show`";
    case ProofFailure::wrong_request:
      return "the proof is for another method or path";
    case ProofFailure::clock_skew:
      return "the proof's time is too far from this server's clock";
  }
  return "the proof is not valid";
}

// Whether the client has not proved that it has the key. The other failures have a valid signature:
// they come from an honest client's clock or configuration, or a replay, and must always get their
// own code.
bool is_guess(ProofFailure failure) {
  return failure == ProofFailure::malformed || failure == ProofFailure::unknown_key ||
         failure == ProofFailure::bad_signature;
}

// An expired credential is a revoked one for every route.
void refuse_when_expired(AgentCredentialRecord& credential, std::chrono::milliseconds now) {
  if (credential.expires_at && *credential.expires_at <= now) credential.revoked = true;
}

}  // namespace

// Finds the owner of a key id in all regions, and stores it: verification needs the key, the Caller
// needs the rest.
struct Authenticator::Lookup {
  const InstanceRegions& regions;
  const Log& log;
  bool for_bundle = false;
  std::optional<Caller> caller = {};  // has a value if the proof is verified
  bool store_failed = false;
  FailedAuthentication claimed = {};  // used if the proof is wrong

  std::optional<SigningPublicKey> operator()(std::string_view kid) {
    claimed.kid = kid.substr(0, limits::kKeyIdMax);
    ListedRegions listed = regions();
    store_failed = !listed.are_all;
    for (InstanceRegion& region : listed.regions) {
      auto found = find(region.store, kid);
      if (!found) {
        log.error("find credential", {{"region", region.code}, {"cause", found.error().message}});
        store_failed = true;  // one region's outage must not hide another region's credential
        continue;
      }
      if (!found->has_value()) continue;
      claimed.kid_known = true;
      caller.emplace(Caller{.region = std::move(region),
                            .owner = std::move((*found)->owner),
                            .claims = {},
                            .parts = std::move((*found)->parts)});
      return caller->owner.credential.keys.signing;
    }
    return std::nullopt;
  }

 private:
  struct Found {
    CredentialOwner owner;
    std::optional<BundleParts> parts = {};
  };

  [[nodiscard]] Result<std::optional<Found>> find(RegionStore& store, std::string_view kid) const {
    if (for_bundle) {
      auto parts = store.find_bundle_parts(kid);
      if (!parts) return propagate(parts);
      if (!*parts) return std::nullopt;
      return Found{.owner = (*parts)->owner, .parts = std::move(*parts)};
    }
    auto owner = store.find_credential(kid);
    if (!owner) return propagate(owner);
    if (!*owner) return std::nullopt;
    return Found{.owner = std::move(**owner)};
  }
};

Authenticator::Authenticator(InstanceRegions regions, std::vector<std::string> public_urls,
                             const Clock& clock, const Log& log)
    : regions_(std::move(regions)),
      public_urls_(std::move(public_urls)),
      clock_(clock),
      log_(log) {}

std::expected<Caller, Response> Authenticator::authenticate(const Request& request) const {
  Lookup lookup{.regions = regions_, .log = log_, .for_bundle = false};
  return verify(request, lookup);
}

std::expected<Caller, Response> Authenticator::authenticate_for_bundle(
    const Request& request) const {
  Lookup lookup{.regions = regions_, .log = log_, .for_bundle = true};
  return verify(request, lookup);
}

std::expected<Caller, Response> Authenticator::verify(const Request& request,
                                                      Lookup& lookup) const {
  const std::string_view authorization = request.header("authorization");
  // Several Authorization headers arrive joined by commas (RFC 9110 section 5.3); a proof never has
  // a comma.
  if (authorization.empty() || authorization.find(',') != std::string_view::npos) {
    Response response = refuse_proof(ProofFailure::malformed);
    if (!authorization.empty()) response.failed.emplace();
    return std::unexpected(std::move(response));
  }
  const ProofExpectation expected{
      .audiences = public_urls_,
      .method = request.method,
      .target = request.target,
      .now = std::chrono::floor<std::chrono::seconds>(clock_.unix_time() - request.waited)};
  auto proof = verify_request_proof(authorization, expected,
                                    [&lookup](std::string_view kid) { return lookup(kid); });
  if (!proof) {
    if (proof.error() == ProofFailure::unknown_key && lookup.store_failed) {
      return std::unexpected(unavailable());
    }
    Response response = refuse_proof(proof.error());
    if (is_guess(proof.error())) response.failed = std::move(lookup.claimed);
    return std::unexpected(std::move(response));
  }
  lookup.caller->claims = std::move(proof->claims);
  refuse_when_expired(lookup.caller->owner.credential, clock_.unix_time());
  return std::move(*lookup.caller);
}

Response Authenticator::refuse_proof(ProofFailure failure) const {
  Response response = refuse(401, proof_failure_code(failure), sentence(failure));
  response.headers.emplace_back("WWW-Authenticate", std::string(kProofScheme));
  return response;
}

}  // namespace agent_secrets::control_plane
