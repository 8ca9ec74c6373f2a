#pragma once
// Authentication of instances: turns the AgentProof of a request into a Caller, or into the answer
// that refuses it. Before the signature is verified, only the method, the target and the
// Authorization header are used, and no answer has information about agents: an unknown caller gets
// 401, always with one of the same few sentences. (503 means that a region store could not be read.
// It is the same for every key id. An injector may start from its cache after a 503, but not after
// a 401.)
//
// A revoked credential still identifies its agent, so it becomes a Caller; each route decides how
// to answer it. A credential that has expired is marked as revoked here, so a region needs no
// catalog to refuse it.
//
// Threads: safe from several; const after construction. The clock and the log must outlive it.

#include <expected>
#include <string>
#include <vector>

#include "control-plane/http/message.h"
#include "control-plane/instance-api/regions.h"
#include "control-plane/region/region_store.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/request_proof.h"

namespace agent_secrets::control_plane {

struct Caller {
  InstanceRegion region;  // whose store has the credential
  CredentialOwner owner;
  ProofClaims claims;
  std::optional<BundleParts> parts = {};  // set by authenticate_for_bundle()
};

class Authenticator {
 public:
  Authenticator(InstanceRegions regions, std::vector<std::string> public_urls, const Clock& clock,
                const Log& log);

  // For a parked request, the proof's age is checked at the time of its arrival, so a proof does
  // not expire during the wait.
  [[nodiscard]] std::expected<Caller, Response> authenticate(const Request& request) const;
  // Also reads the facts of the bundle, together with the credential, in one round trip to the
  // database. No value is read before the proof is verified.
  [[nodiscard]] std::expected<Caller, Response> authenticate_for_bundle(
      const Request& request) const;

 private:
  struct Lookup;
  [[nodiscard]] std::expected<Caller, Response> verify(const Request& request,
                                                       Lookup& lookup) const;
  [[nodiscard]] Response refuse_proof(ProofFailure failure) const;

  InstanceRegions regions_;
  std::vector<std::string> public_urls_;
  const Clock& clock_;
  const Log& log_;
};

}  // namespace agent_secrets::control_plane
