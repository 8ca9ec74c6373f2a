#include "control-plane/host_actor.h"

#include <cstddef>
#include <string>

#include <pwd.h>
#include <unistd.h>

namespace agent_secrets::control_plane {

Actor host_actor() {
  const uid_t uid = ::getuid();
  const std::string id = std::to_string(uid);
  constexpr std::size_t kEntryMax = 16'384;
  std::string memory(kEntryMax, '\0');
  passwd entry{};
  passwd* found = nullptr;
  const bool is_known =
      ::getpwuid_r(uid, &entry, memory.data(), memory.size(), &found) == 0 && found != nullptr;
  return {.kind = ActorKind::host,
          .id = id,
          .name = is_known ? std::string(entry.pw_name) : id,
          .role = Role::admin};
}

}  // namespace agent_secrets::control_plane
