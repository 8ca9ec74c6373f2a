#include "control-plane/model/actor.h"

#include <fmt/format.h>

namespace agent_secrets::control_plane {

Role parse_role(std::string_view text) {
  if (text == "admin") return Role::admin;
  return text == "member" ? Role::member : Role::viewer;
}

std::string_view to_string(Role role) {
  switch (role) {
    case Role::admin:
      return "admin";
    case Role::member:
      return "member";
    case Role::viewer:
      break;
  }
  return "viewer";
}

std::string_view to_string(ActorKind kind) {
  switch (kind) {
    case ActorKind::user:
      return "user";
    case ActorKind::token:
      return "token";
    case ActorKind::api_key:
      return "api-key";
    case ActorKind::credential:
      return "credential";
    case ActorKind::unknown:
      return "unknown";
    case ActorKind::host:
      break;
  }
  return "host";
}

std::string describe(const Actor& actor) {
  return fmt::format("{} {} ({})", to_string(actor.kind), actor.name, actor.id);
}

}  // namespace agent_secrets::control_plane
