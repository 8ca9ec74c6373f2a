#pragma once
// What the REST API uses of the regions that this process serves: the store, for the view of the
// fleet, the provisioner, and the public keys that a new credential names. It has no access to a
// region's signing keys.
//
// Ownership: the server owns the regions. A listed region stays valid, at its address, as long as
// `alive` or a copy of it exists, also when the region is removed meanwhile.
//
// Threads: safe from several; const after construction.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/provisioning/provisioner.h"
#include "control-plane/region/region_store.h"
#include "core/credential.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct RestRegion {
  std::string code;
  RegionStore& store;
  Provisioner& provisioner;
  std::vector<VerificationKey> verification_keys = {};
  std::shared_ptr<const void> alive = nullptr;
};

class RestRegions {
 public:
  // `list` returns all regions that are served now, in the order of their codes; it must be safe
  // from several threads. A later list may have other regions.
  explicit RestRegions(std::function<std::vector<RestRegion>()> list);

  [[nodiscard]] std::vector<RestRegion> all() const;
  // For the region of a set or an agent in the catalog. ErrorCode::unavailable, so that the client
  // gets 503 and tries again: another process added the region, and this one has not opened it yet.
  [[nodiscard]] Result<RestRegion> find(std::string_view code) const;

 private:
  std::function<std::vector<RestRegion>()> list_;
};

}  // namespace agent_secrets::control_plane
