#pragma once
// The last use of an organization's credentials, gathered from the stores of regions, for lists.
//
// Threads: safe from several; no state.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "control-plane/model/time.h"
#include "control-plane/region/region_store.h"

namespace agent_secrets::control_plane {

struct LastUses {
  std::map<std::string, UnixMs, std::less<>> by_kid;
  // True if all regions could be read, so a missing entry means that the credential was never used.
  bool are_all = true;

  [[nodiscard]] std::optional<UnixMs> of(std::string_view kid) const;
  // False: of() has no use of the credential, and a region that could not be read may have one.
  [[nodiscard]] bool is_known(std::string_view kid) const {
    return are_all || by_kid.contains(kid);
  }
};

LastUses read_last_uses(std::span<RegionStore* const> stores, std::string_view organization);

}  // namespace agent_secrets::control_plane
