#include "control-plane/catalog/users.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "control-plane/catalog/audit.h"
#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/context.h"
#include "control-plane/catalog/develop.h"
#include "control-plane/catalog/quotas.h"
#include "control-plane/catalog/rules.h"

namespace agent_secrets::control_plane {
namespace {

// Without checking codes: for lists.
std::vector<Membership> read_memberships(const Rows& rows) {
  std::vector<Membership> memberships;
  for (const Row row : rows) {
    memberships.push_back(
        {.organization = read_organization(row), .role = parse_role(row.text("role"))});
  }
  return memberships;
}

std::vector<Membership> memberships_of_user(Transaction& tx, std::int64_t user_id) {
  return read_memberships(
      tx.query("SELECT o.id, o.name, o.verbose_name, o.default_region, m.role"
               "  FROM memberships m JOIN organizations o ON o.id = m.organization_id"
               " WHERE m.user_id = ?1 ORDER BY o.name",
               user_id));
}

// `row` has the columns of coded_user() and `code`.
void require_user(Transaction& tx, const Authority& authority, const Row& row) {
  authority.require(coded_user(row, ask_ended_memberships(tx, row.integer("id")).get()),
                    stored_code(row));
}

// Nothing to check where there is no membership.
void require_membership(Transaction& tx, const Authority& authority, std::int64_t user_id,
                        std::int64_t organization_id) {
  for (const Row row : tx.query("SELECT role, code FROM memberships"
                                " WHERE user_id = ?1 AND organization_id = ?2",
                                user_id, organization_id)) {
    authority.require(coded_membership(user_id, organization_id, row.text("role")),
                      stored_code(row));
  }
}

User read_user(const Row& row) {
  return {.id = row.integer("id"),
          .name = row.text("name"),
          .email = row.text("email"),
          .memberships = {}};
}

std::string object_of(std::string_view user) { return fmt::format("user {}", user); }

// `ended` has the memberships of one user that have ended.
bool has_ended_since(const Rows& ended, std::int64_t organization_id, UnixMs time) {
  return std::ranges::any_of(ended, [&](const Row& row) {
    return row.integer("organization_id") == organization_id && row.time("ended_at") >= time;
  });
}

// An admin who becomes a member may have keys that a member cannot make.
void end_keys_of_lower_role(Transaction& tx, std::int64_t user_id, std::int64_t organization_id,
                            Role role, UnixMs now) {
  const Rows rows =
      tx.query("SELECT role FROM memberships WHERE user_id = ?1 AND organization_id = ?2", user_id,
               organization_id);
  if (rows.empty() || parse_role(rows.front().text("role")) <= role) return;
  end_keys_of(tx, organization_id, user_as_actor(tx, user_id), now);
}

}  // namespace

std::string name_of_user(Transaction& tx, std::int64_t user_id) {
  const Rows rows = tx.query("SELECT name FROM users WHERE id = ?1", user_id);
  return rows.empty() ? "" : rows.front().text("name");
}

Result<User> Users::add(const Actor& actor, std::string_view name, std::string_view email) {
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
    code_user(tx, context_.authority, added.front().integer("id"));
    record(tx, context_, actor, {.action = "user.create", .object = object_of(name)});
    return User{.id = added.front().integer("id"),
                .name = std::string(name),
                .email = std::string(email),
                .memberships = {}};
  });
}

Result<std::optional<User>> Users::find(std::string_view name) {
  return context_.database->read("find user", [&](Transaction& tx) -> Result<std::optional<User>> {
    const Rows rows = tx.query("SELECT id, name, email, code FROM users WHERE name = ?1", name);
    if (rows.empty()) return std::nullopt;
    User user = read_user(rows.front());
    require_user(tx, context_.authority, rows.front());
    user.memberships = memberships_of_user(tx, user.id);
    return user;
  });
}

Result<std::vector<User>> Users::list() {
  return context_.database->read("list users", [&](Transaction& tx) -> Result<std::vector<User>> {
    std::vector<User> users;
    for (const Row row : tx.query("SELECT id, name, email FROM users ORDER BY name")) {
      users.push_back(read_user(row));
      users.back().memberships = memberships_of_user(tx, users.back().id);
    }
    return users;
  });
}

bool is_accepted_user(Transaction& tx, const Authority& authority, std::int64_t user_id) {
  auto ended = ask_ended_memberships(tx, user_id);
  const Rows rows = tx.query("SELECT id, name, code FROM users WHERE id = ?1", user_id);
  if (rows.empty()) return false;
  return authority.accepts(coded_user(rows.front(), ended.get()), stored_code(rows.front()));
}

Actor user_as_actor(Transaction& tx, std::int64_t user_id) {
  const Rows rows = tx.query("SELECT name FROM users WHERE id = ?1", user_id);
  return {.kind = ActorKind::user,
          .id = std::to_string(user_id),
          .name = rows.empty() ? std::string() : rows.front().text("name")};
}

std::vector<Membership> memberships_of_token(Transaction& tx, const Authority& authority,
                                             std::int64_t user_id,
                                             std::optional<std::int64_t> organization_id,
                                             UnixMs created_at) {
  auto ended = ask_ended_memberships(tx, user_id);
  auto user = tx.query_later("SELECT id, name, code FROM users WHERE id = ?1", user_id);
  const Rows rows = tx.query(
      "SELECT o.id, o.name, o.verbose_name, o.default_region, o.members_develop, o.code,"
      "       m.role,"
      "       m.code AS membership_code"
      "  FROM memberships m JOIN organizations o ON o.id = m.organization_id"
      " WHERE m.user_id = ?1 AND coalesce(?2, o.id) = o.id ORDER BY o.name",
      user_id, organization_id);
  if (user.get().empty()) return {};
  const Row user_row = user.get().front();
  if (!authority.accepts(coded_user(user_row, ended.get()), stored_code(user_row))) return {};
  std::vector<Membership> memberships;
  for (const Row row : rows) {
    const std::int64_t organization = row.integer("id");
    if (has_ended_since(ended.get(), organization, created_at)) continue;
    const CodedRow membership = coded_membership(user_id, organization, row.text("role"));
    if (!authority.accepts(membership, stored_code(row, "membership_code"))) continue;
    if (!authority.accepts(coded_organization(row), stored_code(row))) continue;
    memberships.push_back(
        {.organization = read_organization(row), .role = parse_role(row.text("role"))});
  }
  return memberships;
}

Result<Role> Users::put_membership(const Actor& actor, std::int64_t user_id,
                                   std::int64_t organization_id, std::optional<Role> role) {
  // Urgent, because a lower role takes rights away.
  return context_.database->write_urgently("put membership", [&](Transaction& tx) -> Result<Role> {
    if (auto found = organization_by_id(tx, organization_id, context_.authority); !found)
      return propagate(found);
    if (auto ok = check_member_count(tx, user_id, organization_id); !ok) return propagate(ok);
    // A role that is kept must be one that was given here.
    if (!role) require_membership(tx, context_.authority, user_id, organization_id);
    std::optional<std::string_view> wanted;
    if (role) wanted = to_string(*role);
    if (role)
      end_keys_of_lower_role(tx, user_id, organization_id, *role, context_.clock.unix_time());
    const Rows rows = tx.query(
        "INSERT INTO memberships (user_id, organization_id, role)"
        " VALUES (?1, ?2, coalesce(?3, 'member'))"
        " ON CONFLICT (user_id, organization_id)"
        " DO UPDATE SET role = coalesce(?3, memberships.role) RETURNING role",
        user_id, organization_id, wanted);
    code_membership(tx, context_.authority, user_id, organization_id);
    const std::string given = rows.front().text("role");
    record(tx, context_, actor,
           {.organization_id = organization_id,
            .action = "member.put",
            .object = object_of(name_of_user(tx, user_id)),
            .detail = "role " + given});
    return parse_role(given);
  });
}

Result<void> Users::remove_membership(const Actor& actor, std::int64_t user_id,
                                      std::int64_t organization_id) {
  return context_.database->write_urgently(
      "remove membership", [&](Transaction& tx) -> Result<void> {
        const std::int64_t removed =
            tx.execute("DELETE FROM memberships WHERE user_id = ?1 AND organization_id = ?2",
                       user_id, organization_id);
        if (removed != 1) return fail(ErrorCode::not_found, "no such member");
        const UnixMs now = context_.clock.unix_time();
        // A user whose row is refused can lose a membership, and stays refused.
        const bool is_accepted = is_accepted_user(tx, context_.authority, user_id);
        tx.execute_later(
            "INSERT INTO ended_memberships (user_id, organization_id, ended_at)"
            " VALUES (?1, ?2, ?3) ON CONFLICT (user_id, organization_id)"
            " DO UPDATE SET ended_at = excluded.ended_at",
            user_id, organization_id, now);
        tx.execute_later(
            "UPDATE tokens SET revoked_at = ?3, code = NULL"
            " WHERE user_id = ?1 AND organization_id = ?2 AND revoked_at IS NULL",
            user_id, organization_id, now);
        if (is_accepted) code_user(tx, context_.authority, user_id);
        end_keys_of(tx, organization_id, user_as_actor(tx, user_id), now);
        record(tx, context_, actor,
               {.organization_id = organization_id,
                .action = "member.remove",
                .object = object_of(name_of_user(tx, user_id))});
        return {};
      });
}

}  // namespace agent_secrets::control_plane
