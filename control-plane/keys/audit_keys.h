#pragma once
// The keys that sign statements about the audit logs (audit/checkpoint.h). They belong to the whole
// control plane: the logs of regions are signed by the servers with the catalog, so a region node
// needs none of them.
//
// Threads: safe from several; plain data.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/credential.h"
#include "core/jws.h"

namespace agent_secrets::control_plane {

struct AuditKeys {
  std::string kid;
  SigningKey key;
  // The public halves of this key and of the keys before it, whose statements stay valid.
  std::vector<VerificationKey> verification_keys;

  [[nodiscard]] std::optional<SigningPublicKey> find(std::string_view wanted) const {
    for (const VerificationKey& each : verification_keys) {
      if (each.kid == wanted) return each.key;
    }
    return std::nullopt;
  }
};

}  // namespace agent_secrets::control_plane
