#pragma once
// Rotation of the data keys of the catalog, or of one region, while servers go on: makes a new key
// (keys/key_rotation.h), encrypts every value anew under it (catalog/reencryption.h,
// region/reencryption.h), and deletes the retired keys.
//
// Every step is a transaction of its own, and leaves both keys readable. So a rotation that was
// killed is finished by running it again; it makes no second key as long as a retired key is left.
//
// Threads: one at a time.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "control-plane/catalog/catalog.h"
#include "control-plane/database/database.h"
#include "control-plane/keys/master_key.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct DataKeyRotation {
  std::string key;           // the new active key
  bool has_resumed = false;  // a rotation that had begun earlier
  std::int64_t done = 0;     // values of the catalog, or sets of a region
};

Result<DataKeyRotation> rotate_catalog_keys(Catalog& catalog, const MasterKey& master_key);

// ErrorCode::conflict, with the next step as the hint, for a region whose keys were exported and
// whose nodes may not have the new key yet.
using OpenStore = std::function<Result<std::unique_ptr<Database>>()>;
Result<DataKeyRotation> rotate_region_keys(Catalog& catalog, const MasterKey& master_key,
                                           const std::string& code, bool nodes_have_it,
                                           const OpenStore& open_store);

}  // namespace agent_secrets::control_plane
