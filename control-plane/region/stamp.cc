#include "control-plane/region/stamp.h"

#include <sodium.h>

namespace agent_secrets::control_plane {

std::int64_t new_stamp() {
  std::int64_t stamp = 0;
  randombytes_buf(&stamp, sizeof stamp);
  return stamp;
}

}  // namespace agent_secrets::control_plane
