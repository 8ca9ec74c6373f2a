// Users and their memberships.
#include <fmt/format.h>

#include "control-plane/catalog/rules.h"
#include "control-plane/catalog/sqlite_catalog.h"

namespace agent_secrets::control_plane {
namespace {

User read_user(const SqliteQuery& row) {
  return {.id = row.integer(0), .name = row.text(1), .email = row.text(2), .memberships = {}};
}

}  // namespace

Role parse_role(std::string_view text) { return text == "admin" ? Role::admin : Role::member; }

std::string_view to_string(Role role) { return role == Role::admin ? "admin" : "member"; }

Result<User> SqliteCatalog::add_user(std::string_view name, std::string_view email) {
  if (auto ok = check_plain_name("user name", name); !ok) return propagate(ok);
  if (!email.empty()) {
    if (auto ok = check_email(email); !ok) return propagate(ok);
  }
  return db_.write("add user", [&]() -> Result<User> {
    const int added = db_.query(
                             "INSERT INTO users (name, email, created_at) VALUES (?, ?, ?)"
                             " ON CONFLICT DO NOTHING",
                             name, email, clock_.unix_time())
                          .run();
    if (added == 0) {
      return fail(ErrorCode::conflict, fmt::format("User {} already exists", shown(name)));
    }
    return User{.id = db_.last_insert_id(),
                .name = std::string(name),
                .email = std::string(email),
                .memberships = {}};
  });
}

Result<std::optional<User>> SqliteCatalog::find_user(std::string_view name) {
  return db_.read("find user", [&]() -> Result<std::optional<User>> {
    auto row = db_.query("SELECT id, name, email FROM users WHERE name = ?", name);
    if (!row.step()) return std::nullopt;
    User user = read_user(row);
    user.memberships = read_memberships(user.id, kAnyOrganization);
    return user;
  });
}

Result<std::vector<User>> SqliteCatalog::list_users() {
  return db_.read("list users", [&]() -> Result<std::vector<User>> {
    auto rows = db_.query("SELECT id, name, email FROM users ORDER BY name");
    std::vector<User> users;
    while (rows.step()) {
      users.push_back(read_user(rows));
      users.back().memberships = read_memberships(users.back().id, kAnyOrganization);
    }
    return users;
  });
}

std::vector<Membership> SqliteCatalog::read_memberships(std::int64_t user_id,
                                                        std::int64_t organization_id) {
  auto rows = db_.query(
      "SELECT o.id, o.name, o.verbose_name, o.default_region, m.role"
      "  FROM memberships m JOIN organizations o ON o.id = m.organization_id"
      " WHERE m.user_id = ? AND ? IN (0, o.id) ORDER BY o.name",
      user_id, organization_id);
  std::vector<Membership> memberships;
  while (rows.step()) {
    memberships.push_back(
        {.organization = read_organization(rows), .role = parse_role(rows.text(4))});
  }
  return memberships;
}

Result<void> SqliteCatalog::put_membership(std::int64_t user_id, std::int64_t organization_id,
                                           Role role) {
  // Urgent: to make an admin a member takes rights away.
  return db_.write_urgently("put membership", [&]() -> Result<void> {
    if (auto found = organization_by_id(organization_id); !found) return propagate(found);
    if (auto ok = check_member_count(user_id, organization_id); !ok) return ok;
    db_.query(
           "INSERT INTO memberships (user_id, organization_id, role) VALUES (?, ?, ?)"
           " ON CONFLICT (user_id, organization_id) DO UPDATE SET role = excluded.role",
           user_id, organization_id, to_string(role))
        .run();
    return {};
  });
}

Result<void> SqliteCatalog::remove_membership(std::int64_t user_id, std::int64_t organization_id) {
  return db_.write_urgently("remove membership", [&]() -> Result<void> {
    const int removed = db_.query(
                               "DELETE FROM memberships WHERE user_id = ?"
                               " AND organization_id = ?",
                               user_id, organization_id)
                            .run();
    if (removed == 1) return {};
    return fail(ErrorCode::not_found, "no such member");
  });
}

}  // namespace agent_secrets::control_plane
