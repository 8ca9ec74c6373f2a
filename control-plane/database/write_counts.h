#pragma once
// What a database counts of its groups of writes (write_groups.h), for /metrics.

#include <array>
#include <cstddef>
#include <cstdint>

namespace agent_secrets::control_plane {

struct WriteCounts {
  // Upper bounds of the sizes of groups. The last one is the largest size.
  static constexpr std::array<std::uint64_t, 7> kSizes = {1, 2, 4, 8, 16, 32, 64};

  std::size_t waiting = 0;                            // callers whose work no commit has taken up
  std::array<std::uint64_t, kSizes.size()> groups{};  // commits, by the size of their group
  std::uint64_t writes = 0;                           // in all these groups
};

}  // namespace agent_secrets::control_plane
