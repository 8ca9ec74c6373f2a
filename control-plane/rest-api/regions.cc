#include "control-plane/rest-api/regions.h"

#include <utility>

#include <fmt/format.h>

namespace agent_secrets::control_plane {

RestRegions::RestRegions(std::function<std::vector<RestRegion>()> list) : list_(std::move(list)) {}

std::vector<RestRegion> RestRegions::all() const { return list_(); }

Result<RestRegion> RestRegions::find(std::string_view code) const {
  for (RestRegion& region : list_()) {
    if (region.code == code) return std::move(region);
  }
  return fail(ErrorCode::unavailable, fmt::format("this process does not serve region {}", code));
}

}  // namespace agent_secrets::control_plane
