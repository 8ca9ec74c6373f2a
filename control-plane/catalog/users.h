#pragma once
// Users, and their memberships in organizations.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/catalog/organizations.h"
#include "control-plane/model/actor.h"
#include "control-plane/model/time.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct Membership {
  Organization organization;
  Role role = Role::viewer;
};

struct User {
  std::int64_t id = 0;
  std::string name;
  std::string email;                    // or ""
  std::vector<Membership> memberships;  // by the organization's name
};

class Users {
 public:
  explicit Users(CatalogContext& context) : context_(context) {}

  Result<User> add(const Actor& actor, std::string_view name, std::string_view email);
  Result<std::optional<User>> find(std::string_view name);
  Result<std::vector<User>> list();
  // Removes the user's revoked tokens too. ErrorCode::conflict while the user is a member of an
  // organization or has a live token: the sentence names them.
  Result<void> remove(const Actor& actor, std::int64_t user_id);
  // Adds a membership, or changes its role. Without a role, a new member becomes Role::member, and
  // a present member keeps the role. The result is the member's role.
  Result<Role> put_membership(const Actor& actor, std::int64_t user_id,
                              std::int64_t organization_id, std::optional<Role> role);
  // The tokens that the user has at that moment lose the organization for good: they do not reach
  // it again when the user becomes a member again. Tokens of this organization alone are revoked.
  Result<void> remove_membership(const Actor& actor, std::int64_t user_id,
                                 std::int64_t organization_id);

 private:
  CatalogContext& context_;
};

// For the other subjects.
// "" if there is no such user.
std::string name_of_user(Transaction& tx, std::int64_t user_id);
// False: there is no such user, or the user's row is refused.
bool is_accepted_user(Transaction& tx, const Authority& authority, std::int64_t user_id);
// The memberships that a token of the user reaches. `organization_id` is
// the only organization of the token; absent: all organizations.
std::vector<Membership> memberships_of_token(Transaction& tx, const Authority& authority,
                                             std::int64_t user_id,
                                             std::optional<std::int64_t> organization_id,
                                             UnixMs created_at);

// As it makes changes through one of its tokens, without a role.
Actor user_as_actor(Transaction& tx, std::int64_t user_id);

}  // namespace agent_secrets::control_plane
