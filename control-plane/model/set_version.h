#pragma once
// Versions of secret sets, as the catalog hands them to a region. Plain records.

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "control-plane/model/time.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

// A version that its region does not serve yet.
struct PendingVersion {
  std::int64_t organization_id = 0;
  std::int64_t set_id = 0;
  std::string set_name;
  std::int64_t version = 0;
  UnixMs pending_since{};
  UnixMs due_since{};  // the end of its quiet period, or of the pause after a failure
};

struct ProvisionedValue {
  std::string key;
  std::int64_t written_by = 0;  // the version that wrote it
  SecretBuffer value;
};

struct ProvisionedVersion {
  std::int64_t organization_id = 0;
  std::int64_t set_id = 0;
  std::string set_name;
  std::int64_t version = 0;
  std::vector<ProvisionedValue> values;  // sorted by key
};

// A version that its region must keep.
struct RetainedVersion {
  std::int64_t set_id = 0;
  std::int64_t version = 0;
  auto operator<=>(const RetainedVersion&) const = default;
};

}  // namespace agent_secrets::control_plane
