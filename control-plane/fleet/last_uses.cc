#include "control-plane/fleet/last_uses.h"

#include <algorithm>

namespace agent_secrets::control_plane {

std::optional<UnixMs> LastUses::of(std::string_view kid) const {
  const auto found = by_kid.find(kid);
  return found == by_kid.end() ? std::nullopt : std::optional(found->second);
}

LastUses read_last_uses(std::span<RegionStore* const> stores, std::string_view organization) {
  LastUses uses;
  for (RegionStore* const store : stores) {
    auto listed = store->list_uses(organization);
    if (!listed) {
      uses.are_all = false;
      continue;
    }
    for (const CredentialUse& use : *listed) {
      UnixMs& last = uses.by_kid[use.kid];
      last = std::max(last, use.hour);
    }
  }
  return uses;
}

}  // namespace agent_secrets::control_plane
