#pragma once
// Reserved names (core/reserved_names.h) in secret sets: the names that an organization allows
// although they are reserved, and the warnings about names that a set has.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/catalog/agents.h"
#include "control-plane/catalog/sets.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class AllowedNames {
 public:
  explicit AllowedNames(CatalogContext& context) : context_(context) {}

  // Allowing a name twice is no error.
  Result<void> allow(const Actor& actor, std::int64_t organization_id, std::string_view name);
  Result<void> disallow(const Actor& actor, std::int64_t organization_id, std::string_view name);
  Result<std::vector<std::string>> list(std::int64_t organization_id);

 private:
  CatalogContext& context_;
};

// For the other subjects.
// ErrorCode::invalid, if the write has a reserved name that the organization does not allow.
Result<void> check_reserved(Transaction& tx, const Authority& authority,
                            std::int64_t organization_id, const WriteSet& write);
// The warning of a deploy about the secrets that its instances get, or "".
std::string secrets_warning(Transaction& tx, const Deployment& deployment);

}  // namespace agent_secrets::control_plane
