#include "control-plane/catalog/users.h"

#include <fmt/format.h>

#include "control-plane/catalog/context.h"
#include "control-plane/catalog/quotas.h"
#include "control-plane/catalog/rules.h"

namespace agent_secrets::control_plane {
namespace {

User read_user(const Row& row) {
  return {.id = row.integer("id"),
          .name = row.text("name"),
          .email = row.text("email"),
          .memberships = {}};
}

}  // namespace

Role parse_role(std::string_view text) { return text == "admin" ? Role::admin : Role::member; }

std::string_view to_string(Role role) { return role == Role::admin ? "admin" : "member"; }

Result<User> Users::add(std::string_view name, std::string_view email) {
  if (auto ok = check_plain_name("user name", name); !ok) return propagate(ok);
  if (!email.empty()) {
    if (auto ok = check_email(email); !ok) return propagate(ok);
  }
  return context_.database->write("add user", [&](Transaction& tx) -> Result<User> {
    const Rows added = tx.query(
        "INSERT INTO users (name, email, created_at) VALUES (?1, ?2, ?3)"
        " ON CONFLICT DO NOTHING RETURNING id",
        name, email, context_.clock.unix_time());
    if (added.empty()) {
      return fail(ErrorCode::conflict, fmt::format("User {} already exists", shown(name)));
    }
    return User{.id = added.front().integer("id"),
                .name = std::string(name),
                .email = std::string(email),
                .memberships = {}};
  });
}

Result<std::optional<User>> Users::find(std::string_view name) {
  return context_.database->read("find user", [&](Transaction& tx) -> Result<std::optional<User>> {
    const Rows rows = tx.query("SELECT id, name, email FROM users WHERE name = ?1", name);
    if (rows.empty()) return std::nullopt;
    User user = read_user(rows.front());
    user.memberships = read_memberships(tx, user.id, std::nullopt);
    return user;
  });
}

Result<std::vector<User>> Users::list() {
  return context_.database->read("list users", [&](Transaction& tx) -> Result<std::vector<User>> {
    std::vector<User> users;
    for (const Row row : tx.query("SELECT id, name, email FROM users ORDER BY name")) {
      users.push_back(read_user(row));
      users.back().memberships = read_memberships(tx, users.back().id, std::nullopt);
    }
    return users;
  });
}

std::vector<Membership> read_memberships(Transaction& tx, std::int64_t user_id,
                                         std::optional<std::int64_t> organization_id) {
  std::vector<Membership> memberships;
  for (const Row row :
       tx.query("SELECT o.id, o.name, o.verbose_name, o.default_region, m.role"
                "  FROM memberships m JOIN organizations o ON o.id = m.organization_id"
                " WHERE m.user_id = ?1 AND coalesce(?2, o.id) = o.id ORDER BY o.name",
                user_id, organization_id)) {
    memberships.push_back(
        {.organization = read_organization(row), .role = parse_role(row.text("role"))});
  }
  return memberships;
}

Result<void> Users::put_membership(std::int64_t user_id, std::int64_t organization_id, Role role) {
  // Urgent, because making an admin a member takes rights away.
  return context_.database->write_urgently("put membership", [&](Transaction& tx) -> Result<void> {
    if (auto found = organization_by_id(tx, organization_id); !found) return propagate(found);
    if (auto ok = check_member_count(tx, user_id, organization_id); !ok) return ok;
    tx.execute(
        "INSERT INTO memberships (user_id, organization_id, role) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (user_id, organization_id) DO UPDATE SET role = excluded.role",
        user_id, organization_id, to_string(role));
    return {};
  });
}

Result<void> Users::remove_membership(std::int64_t user_id, std::int64_t organization_id) {
  return context_.database->write_urgently("remove membership",
                                           [&](Transaction& tx) -> Result<void> {
                                             const std::int64_t removed = tx.execute(
                                                 "DELETE FROM memberships WHERE user_id = ?1"
                                                 " AND organization_id = ?2",
                                                 user_id, organization_id);
                                             if (removed == 1) return {};
                                             return fail(ErrorCode::not_found, "no such member");
                                           });
}

}  // namespace agent_secrets::control_plane
