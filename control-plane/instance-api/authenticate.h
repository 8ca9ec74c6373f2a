#pragma once
// Who asks: turns the AgentProof of a request into a Caller, or into the answer that refuses it.
// Nothing of the request but its method, its target and its one Authorization header is looked at,
// and nothing about agents is told, before the signature holds: what an unknown caller can get is
// 401, always with the same few words. (A 503 says that no region store could be asked; it is the
// same for every key id, and an injector falls back to its cache on it, as it must not on a 401.)
//
// A revoked credential still proves who asks, so it is a Caller; each call decides what to tell it.
//
// Threads: safe from several; const after construction. The regions must outlive it.

#include <expected>
#include <map>
#include <string>
#include <vector>

#include "control-plane/http/message.h"
#include "control-plane/region/region_store.h"
#include "control-plane/stores.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/request_proof.h"

namespace agent_secrets::control_plane {

struct Caller {
  std::string region;  // code
  RegionHandle* handle = nullptr;
  CredentialOwner owner;
  ProofClaims claims;
};

class Authenticator {
 public:
  Authenticator(std::map<std::string, RegionHandle>& regions, std::vector<std::string> public_urls,
                const Clock& clock, const Log& log);

  // A request that was parked is judged as of its arrival: a proof does not age while we hold it.
  [[nodiscard]] std::expected<Caller, Response> authenticate(const Request& request) const;

 private:
  struct Lookup;
  [[nodiscard]] Response refuse_proof(ProofFailure failure) const;

  std::map<std::string, RegionHandle>& regions_;
  std::vector<std::string> public_urls_;
  const Clock& clock_;
  const Log& log_;
};

}  // namespace agent_secrets::control_plane
