// Removing organizations, users and regions: refused while something is in use, which the sentence
// names. What is looked at and what is removed is one transaction, so nothing comes into use
// between the two; every write of the REST API looks its organization or region up in its own
// transaction.
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "control-plane/catalog/rules.h"
#include "control-plane/catalog/sqlite_catalog.h"

namespace agent_secrets::control_plane {
namespace {

// What holds something up, in the order in which it was found.
class Uses {
 public:
  // `rows` has a name a row. "2 agents (bot, desk)"
  void add(std::string_view one, std::string_view several, SqliteQuery rows) {
    std::vector<std::string> names;
    std::size_t count = 0;
    for (; rows.step(); ++count) {
      if (count < kNamed) names.push_back(rows.text(0));
    }
    if (count == 0) return;
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

}  // namespace

Result<void> SqliteCatalog::remove_organization(std::int64_t organization_id) {
  return db_.write_urgently("remove organization", [&]() -> Result<void> {
    auto organization = organization_by_id(organization_id);
    if (!organization) return propagate(organization);
    Uses uses;
    uses.add("agent", "agents",
             db_.query("SELECT name FROM agents WHERE organization_id = ? AND deleted = 0"
                       " ORDER BY name",
                       organization_id));
    uses.add("secret set", "secret sets",
             db_.query("SELECT name FROM sets WHERE organization_id = ? ORDER BY name",
                       organization_id));
    uses.add("member", "members",
             db_.query("SELECT u.name FROM memberships m JOIN users u ON u.id = m.user_id"
                       " WHERE m.organization_id = ? ORDER BY u.name",
                       organization_id));
    uses.add("token", "tokens",
             db_.query("SELECT name FROM tokens WHERE organization_id = ? AND user_id IS NULL"
                       " AND revoked_at IS NULL ORDER BY name",
                       organization_id));
    uses.add("API key", "API keys",
             db_.query("SELECT name FROM api_keys WHERE organization_id = ? AND revoked_at IS NULL"
                       " ORDER BY name",
                       organization_id));
    // Until then the region goes on serving them, and the catalog is what it hears of it from.
    uses.add("deleted agent that its region does not know of",
             "deleted agents that their region does not know of",
             db_.query("SELECT name FROM agents WHERE organization_id = ? AND deleted = 1"
                       " AND revision > published_revision ORDER BY name",
                       organization_id));
    uses.add("deploy command that has not run", "deploy commands that have not run",
             db_.query("SELECT a.name FROM rollouts r JOIN agents a ON a.id = r.agent_id"
                       " WHERE a.organization_id = ? AND r.failed = 0 ORDER BY a.name",
                       organization_id));
    if (auto free = refuse_used("Organization", organization->name, uses); !free) return free;
    // Revoked ones, and those of users who are no members any more.
    db_.query("DELETE FROM tokens WHERE organization_id = ?", organization_id).run();
    db_.query("DELETE FROM api_keys WHERE organization_id = ?", organization_id).run();
    db_.query("DELETE FROM allowed_names WHERE organization_id = ?", organization_id).run();
    const bool had_agents =
        db_.query("SELECT 1 FROM agents WHERE organization_id = ?", organization_id).step();
    if (had_agents) {
      db_.query("UPDATE organizations SET removed_at = ? WHERE id = ?", clock_.unix_time(),
                organization_id)
          .run();
    } else {
      db_.query("DELETE FROM organizations WHERE id = ?", organization_id).run();
    }
    return {};
  });
}

Result<void> SqliteCatalog::remove_region(std::string_view code) {
  return db_.write_urgently("remove region", [&]() -> Result<void> {
    if (auto known = check_region(code); !known) return known;
    Uses uses;
    uses.add("organization whose default it is", "organizations whose default it is",
             db_.query("SELECT name FROM organizations WHERE default_region = ?"
                       " AND removed_at IS NULL ORDER BY name",
                       code));
    uses.add(
        "agent", "agents",
        db_.query("SELECT name FROM agents WHERE region = ? AND deleted = 0 ORDER BY name", code));
    uses.add("secret set", "secret sets",
             db_.query("SELECT name FROM sets WHERE region = ? ORDER BY name", code));
    uses.add("deleted agent that it does not know of", "deleted agents that it does not know of",
             db_.query("SELECT name FROM agents WHERE region = ? AND deleted = 1"
                       " AND revision > published_revision ORDER BY name",
                       code));
    if (auto free = refuse_used("Region", code, uses); !free) return free;
    db_.query("UPDATE regions SET removed_at = ? WHERE code = ?", clock_.unix_time(), code).run();
    return {};
  });
}

Result<void> SqliteCatalog::remove_user(std::int64_t user_id) {
  return db_.write_urgently("remove user", [&]() -> Result<void> {
    std::string name;
    {
      auto row = db_.query("SELECT name FROM users WHERE id = ?", user_id);
      if (!row.step()) return fail(ErrorCode::not_found, "no such user");
      name = row.text(0);
    }
    Uses uses;
    uses.add("membership", "memberships",
             db_.query("SELECT o.name FROM memberships m"
                       " JOIN organizations o ON o.id = m.organization_id"
                       " WHERE m.user_id = ? ORDER BY o.name",
                       user_id));
    uses.add("token", "tokens",
             db_.query("SELECT name FROM tokens WHERE user_id = ? AND revoked_at IS NULL"
                       " ORDER BY name",
                       user_id));
    if (auto free = refuse_used("User", name, uses); !free) return free;
    db_.query("DELETE FROM tokens WHERE user_id = ?", user_id).run();
    db_.query("DELETE FROM users WHERE id = ?", user_id).run();
    return {};
  });
}

}  // namespace agent_secrets::control_plane
