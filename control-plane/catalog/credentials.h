#pragma once
// Credentials of agents: their public halves. The private halves exist only in the credential file
// that `credential issue` prints.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/model/actor.h"
#include "control-plane/model/time.h"
#include "core/credential.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct CatalogContext;

struct CredentialRecord {
  std::string kid;
  std::string agent;
  CredentialPublicKeys keys;
  UnixMs created_at{};
  std::optional<UnixMs> revoked_at;
  bool confirmed = false;  // the region has its present state
};

class Credentials {
 public:
  explicit Credentials(CatalogContext& context) : context_(context) {}

  Result<CredentialRecord> add(const Actor& actor, std::int64_t organization_id,
                               std::string_view agent, std::string_view kid,
                               const CredentialPublicKeys& keys);
  Result<std::vector<CredentialRecord>> list(std::int64_t organization_id, std::string_view agent);
  Result<void> revoke(const Actor& actor, std::int64_t organization_id, std::string_view agent,
                      std::string_view kid);

 private:
  CatalogContext& context_;
};

}  // namespace agent_secrets::control_plane
