#pragma once
// Who makes a change, and what they may do in one organization. Authentication of a request makes
// an Actor from its token or key (rest-api/authenticate.h); a command on the host is an actor too.
// Logs and records name the actor.

#include <cstdint>
#include <string>
#include <string_view>

namespace agent_secrets::control_plane {

// In rising order: each role may do what the roles before it may do. docs/decisions/0038-roles.md
// says which role may do what.
enum class Role : std::uint8_t { viewer, member, admin };
// A text that names no role is a viewer: it gives the least rights.
Role parse_role(std::string_view text);
std::string_view to_string(Role role);  // "viewer", "member", "admin"

enum class ActorKind : std::uint8_t {
  user,        // through one of the user's tokens
  token,       // of an organization
  api_key,     // a private one
  host,        // a command on the control plane's host
  credential,  // of an agent: an instance, not a person
  unknown,     // the caller has not authenticated
};
// "user", "token", "api-key", "host", "credential", "unknown"
std::string_view to_string(ActorKind kind);

struct Actor {
  ActorKind kind = ActorKind::host;
  std::string id;    // of the user, token or key in the catalog; of the host: the numeric user id
  std::string name;  // names of revoked tokens can be used again, ids never
  Role role = Role::viewer;  // in the organization that the change is about
  std::string address = {};  // of the client; "" for a command on the host
};

// "token ci (12)", for logs and records.
std::string describe(const Actor& actor);

}  // namespace agent_secrets::control_plane
