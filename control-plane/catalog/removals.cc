// Removing organizations, users and regions. A removal is refused while something is in use, and
// the error names it. The check and the removal are one transaction, so nothing comes into use
// between the two. Every write of the REST API looks up its organization or region in the same
// transaction as it writes.
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "control-plane/catalog/audit.h"
#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/context.h"
#include "control-plane/catalog/organizations.h"
#include "control-plane/catalog/regions.h"
#include "control-plane/catalog/rules.h"
#include "control-plane/catalog/users.h"

namespace agent_secrets::control_plane {
namespace {

// What is still in use, in the order in which it was found.
class Uses {
 public:
  // Each row has a column `name`. The text is "2 agents (bot, desk)", for example.
  void add(std::string_view one, std::string_view several, const Rows& rows) {
    if (rows.empty()) return;
    std::vector<std::string> names;
    for (const Row row : rows) {
      if (names.size() < kNamed) names.push_back(row.text("name"));
    }
    const std::size_t count = rows.size();
    texts_.push_back(fmt::format("{} {} ({}{})", count, count == 1 ? one : several,
                                 fmt::join(names, ", "), count > kNamed ? ", …" : ""));
  }
  [[nodiscard]] bool empty() const { return texts_.empty(); }
  [[nodiscard]] std::string text() const { return fmt::format("{}", fmt::join(texts_, ", ")); }

 private:
  static constexpr std::size_t kNamed = 3;
  std::vector<std::string> texts_;
};

Result<void> refuse_used(std::string_view kind, std::string_view name, const Uses& uses) {
  if (uses.empty()) return {};
  return fail(ErrorCode::conflict,
              fmt::format("{} {} is in use: {}.", kind, shown(name), uses.text()));
}

// The memberships of the organization that have ended are removed with it. They are in the codes of
// their users.
void remove_organization(Transaction& tx, const Authority& authority,
                         std::int64_t organization_id) {
  std::vector<std::int64_t> users;
  for (const Row row : tx.query("SELECT user_id FROM ended_memberships WHERE organization_id = ?1",
                                organization_id)) {
    const std::int64_t user = row.integer("user_id");
    if (is_accepted_user(tx, authority, user)) users.push_back(user);
  }
  tx.execute("DELETE FROM organizations WHERE id = ?1", organization_id);
  for (const std::int64_t user : users) code_user(tx, authority, user);
}

}  // namespace

Result<void> Organizations::remove(const Actor& actor, std::int64_t organization_id) {
  return context_.database->write_urgently(
      "remove organization", [&](Transaction& tx) -> Result<void> {
        auto organization = organization_by_id(tx, organization_id, context_.authority);
        if (!organization) return propagate(organization);
        Uses uses;
        uses.add("agent", "agents",
                 tx.query("SELECT name FROM agents WHERE organization_id = ?1 AND deleted = 0"
                          " ORDER BY name",
                          organization_id));
        uses.add("secret set", "secret sets",
                 tx.query("SELECT name FROM sets WHERE organization_id = ?1 ORDER BY name",
                          organization_id));
        uses.add("member", "members",
                 tx.query("SELECT u.name FROM memberships m JOIN users u ON u.id = m.user_id"
                          " WHERE m.organization_id = ?1 ORDER BY u.name",
                          organization_id));
        uses.add("token", "tokens",
                 tx.query("SELECT name FROM tokens WHERE organization_id = ?1 AND user_id IS NULL"
                          " AND revoked_at IS NULL ORDER BY name",
                          organization_id));
        uses.add(
            "API key", "API keys",
            tx.query("SELECT name FROM api_keys WHERE organization_id = ?1 AND revoked_at IS NULL"
                     " ORDER BY name",
                     organization_id));
        // The region serves a deleted agent until the provisioner has written the deletion there,
        // and the provisioner reads the deletion from the catalog.
        uses.add("deleted agent that its region does not know of",
                 "deleted agents that their region does not know of",
                 tx.query("SELECT name FROM agents WHERE organization_id = ?1 AND deleted = 1"
                          " AND revision > published_revision ORDER BY name",
                          organization_id));
        uses.add("deploy command that has not run", "deploy commands that have not run",
                 tx.query("SELECT a.name FROM rollouts r JOIN agents a ON a.id = r.agent_id"
                          " WHERE a.organization_id = ?1 AND r.failed = 0 ORDER BY a.name",
                          organization_id));
        if (auto free = refuse_used("Organization", organization->name, uses); !free) return free;
        record(tx, context_, actor,
               {.organization_id = organization_id,
                .action = "organization.remove",
                .object = fmt::format("organization {}", organization->name)});
        // The remaining rows are revoked, or belong to users who are no longer members.
        tx.execute("DELETE FROM tokens WHERE organization_id = ?1", organization_id);
        tx.execute("DELETE FROM api_keys WHERE organization_id = ?1", organization_id);
        tx.execute("DELETE FROM allowed_names WHERE organization_id = ?1", organization_id);
        const bool had_agents =
            !tx.query("SELECT 1 FROM agents WHERE organization_id = ?1 LIMIT 1", organization_id)
                 .empty();
        if (had_agents) {
          tx.execute("UPDATE organizations SET removed_at = ?1 WHERE id = ?2",
                     context_.clock.unix_time(), organization_id);
        } else {
          remove_organization(tx, context_.authority, organization_id);
        }
        return {};
      });
}

Result<void> Regions::remove(const Actor& actor, std::string_view code) {
  return context_.database->write_urgently("remove region", [&](Transaction& tx) -> Result<void> {
    if (auto known = check_region(tx, context_, code); !known) return known;
    Uses uses;
    uses.add("organization whose default it is", "organizations whose default it is",
             tx.query("SELECT name FROM organizations WHERE default_region = ?1"
                      " AND removed_at IS NULL ORDER BY name",
                      code));
    uses.add(
        "agent", "agents",
        tx.query("SELECT name FROM agents WHERE region = ?1 AND deleted = 0 ORDER BY name", code));
    uses.add("secret set", "secret sets",
             tx.query("SELECT name FROM sets WHERE region = ?1 ORDER BY name", code));
    uses.add("deleted agent that it does not know of", "deleted agents that it does not know of",
             tx.query("SELECT name FROM agents WHERE region = ?1 AND deleted = 1"
                      " AND revision > published_revision ORDER BY name",
                      code));
    if (auto free = refuse_used("Region", code, uses); !free) return free;
    tx.execute("UPDATE regions SET removed_at = ?1 WHERE code = ?2", context_.clock.unix_time(),
               code);
    record(tx, context_, actor,
           {.action = "region.remove", .object = fmt::format("region {}", code)});
    return {};
  });
}

Result<void> Users::remove(const Actor& actor, std::int64_t user_id) {
  return context_.database->write_urgently("remove user", [&](Transaction& tx) -> Result<void> {
    std::string name;
    {
      const Rows rows = tx.query("SELECT name FROM users WHERE id = ?1", user_id);
      if (rows.empty()) return fail(ErrorCode::not_found, "no such user");
      const Row row = rows.front();
      name = row.text("name");
    }
    Uses uses;
    uses.add("membership", "memberships",
             tx.query("SELECT o.name FROM memberships m"
                      " JOIN organizations o ON o.id = m.organization_id"
                      " WHERE m.user_id = ?1 ORDER BY o.name",
                      user_id));
    uses.add("token", "tokens",
             tx.query("SELECT name FROM tokens WHERE user_id = ?1 AND revoked_at IS NULL"
                      " ORDER BY name",
                      user_id));
    if (auto free = refuse_used("User", name, uses); !free) return free;
    tx.execute("DELETE FROM tokens WHERE user_id = ?1", user_id);
    tx.execute("DELETE FROM users WHERE id = ?1", user_id);
    record(tx, context_, actor, {.action = "user.remove", .object = fmt::format("user {}", name)});
    return {};
  });
}

}  // namespace agent_secrets::control_plane
