#pragma once
// Users, and their memberships in organizations.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/catalog/organizations.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

enum class Role { member, admin };
Role parse_role(std::string_view text);  // "admin", or any other text for a member
std::string_view to_string(Role role);   // "member", "admin"

struct Membership {
  Organization organization;
  Role role = Role::member;
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

  Result<User> add(std::string_view name, std::string_view email);
  Result<std::optional<User>> find(std::string_view name);
  Result<std::vector<User>> list();
  // Removes the user's revoked tokens too. ErrorCode::conflict while the user is a member of an
  // organization or has a live token: the sentence names them.
  Result<void> remove(std::int64_t user_id);
  // Adds a membership, or changes its role.
  Result<void> put_membership(std::int64_t user_id, std::int64_t organization_id, Role role);
  Result<void> remove_membership(std::int64_t user_id, std::int64_t organization_id);

 private:
  CatalogContext& context_;
};

// For the other subjects: the user's membership in one organization, or all memberships (absent).
std::vector<Membership> read_memberships(Transaction& tx, std::int64_t user_id,
                                         std::optional<std::int64_t> organization_id);

}  // namespace agent_secrets::control_plane
