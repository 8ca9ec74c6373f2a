#pragma once
// The time for which one process holds one lease (catalog/leases.h). Every write of leased work
// carries its term, and a database that has seen a later term of the same work refuses the write.
// So a holder that was paused, and does not know that its lease is gone, cannot do harm.

#include <cstdint>
#include <string>

namespace agent_secrets::control_plane {

struct LeaseTerm {
  std::string work;        // "provisioner:us-west", "rollouts"
  std::int64_t fence = 0;  // a later term of the work has a higher one

  bool operator==(const LeaseTerm&) const = default;
};

}  // namespace agent_secrets::control_plane
