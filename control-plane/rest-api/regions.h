#pragma once
// What the REST API uses of the regions that this process serves: the store, for the view of the
// fleet, and the provisioner. It has no access to a region's signing keys.
//
// Ownership: the server owns the regions. A region that was listed once stays valid, at its
// address, until the server has stopped.
//
// Threads: safe from several; const after construction.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/provisioning/provisioner.h"
#include "control-plane/region/region_store.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct RestRegion {
  std::string code;
  RegionStore& store;
  Provisioner& provisioner;
};

class RestRegions {
 public:
  // `list` returns all regions that are served now, in the order of their codes; it must be safe
  // from several threads. A later list may have more regions, never fewer.
  explicit RestRegions(std::function<std::vector<RestRegion>()> list);

  [[nodiscard]] std::vector<RestRegion> all() const;
  // For the region of a set or an agent in the catalog. This process serves it, because the catalog
  // accepts sets and agents of no other region (Regions::know_only). So an error here is a bug; it
  // has ErrorCode::failed, and the client gets 500.
  [[nodiscard]] Result<RestRegion> find(std::string_view code) const;

 private:
  std::function<std::vector<RestRegion>()> list_;
};

}  // namespace agent_secrets::control_plane
