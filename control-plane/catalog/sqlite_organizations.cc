// Organizations, regions and settings.
#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/rules.h"
#include "control-plane/catalog/sqlite_catalog.h"

namespace agent_secrets::control_plane {
namespace {

// The sentence for a name that an organization has, or a removed one had.
std::string why_not_added(Transaction& tx, std::string_view organization) {
  const Rows removed = tx.query(
      "SELECT 1 FROM organizations WHERE name = ?1 AND removed_at IS NOT NULL", organization);
  if (removed.empty()) return fmt::format("Organization {} already exists", shown(organization));
  return fmt::format(
      "The name {} was that of an organization that has been removed, and is not given again: its "
      "agents' credentials and caches know it by this name. Choose another",
      shown(organization));
}

}  // namespace

std::string_view to_string(SetStatus status) {
  switch (status) {
    case SetStatus::pending:
      return "pending";
    case SetStatus::ready:
      return "ready";
    case SetStatus::failed:
      return "failed";
  }
  return "";
}

std::string_view to_string(SetType type) {
  return type == SetType::secret ? "secret" : "imagePullSecret";
}

SqliteCatalog::SqliteCatalog(std::unique_ptr<Database> database, ValueCipher cipher,
                             const Clock& clock)
    : database_(std::move(database)), cipher_(std::move(cipher)), clock_(clock) {}

void SqliteCatalog::know_only(std::set<std::string> regions) {
  known_regions_ = std::move(regions);
}

bool SqliteCatalog::knows(const std::string& region) const {
  return !known_regions_ || known_regions_->contains(region);
}

Result<void> SqliteCatalog::check_region(Transaction& tx, std::string_view code) {
  std::string codes;
  for (const Row row :
       tx.query("SELECT code FROM regions WHERE removed_at IS NULL ORDER BY code")) {
    const std::string known = row.text("code");
    if (!knows(known)) continue;
    if (known == code) return {};
    codes += (codes.empty() ? "" : ", ") + known;
  }
  return fail(ErrorCode::invalid,
              fmt::format("Invalid region {}. Valid regions are: {}", shown(code), codes));
}

Organization SqliteCatalog::read_organization(const Row& row) {
  return {.id = row.integer("id"),
          .name = row.text("name"),
          .verbose_name = row.text("verbose_name"),
          .default_region = row.text("default_region")};
}

Result<Organization> SqliteCatalog::organization_by_id(Transaction& tx, std::int64_t id) {
  const Rows rows = tx.query(
      "SELECT id, name, verbose_name, default_region FROM organizations"
      " WHERE id = ?1 AND removed_at IS NULL",
      id);
  if (rows.empty()) return fail(ErrorCode::not_found, "Not found");
  return read_organization(rows.front());
}

Result<Organization> SqliteCatalog::create_organization(std::string_view name,
                                                        std::string_view verbose_name,
                                                        std::string_view default_region) {
  if (auto ok = check_plain_name("organization name", name); !ok) return propagate(ok);
  if (verbose_name.empty()) verbose_name = name;
  if (auto ok = check_title("display name", verbose_name); !ok) return propagate(ok);
  return database_->write("create organization", [&](Transaction& tx) -> Result<Organization> {
    if (auto ok = check_region(tx, default_region); !ok) return propagate(ok);
    const Rows added = tx.query(
        "INSERT INTO organizations (name, verbose_name, default_region)"
        " VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING RETURNING id",
        name, verbose_name, default_region);
    if (added.empty()) return fail(ErrorCode::conflict, why_not_added(tx, name));
    return organization_by_id(tx, added.front().integer("id"));
  });
}

Result<std::optional<Organization>> SqliteCatalog::find_organization(std::string_view name) {
  return database_->read("find organization",
                         [&](Transaction& tx) -> Result<std::optional<Organization>> {
                           const Rows rows = tx.query(
                               "SELECT id, name, verbose_name, default_region FROM organizations"
                               " WHERE name = ?1 AND removed_at IS NULL",
                               name);
                           if (rows.empty()) return std::nullopt;
                           return read_organization(rows.front());
                         });
}

Result<std::vector<Organization>> SqliteCatalog::list_organizations() {
  return database_->read("list organizations",
                         [](Transaction& tx) -> Result<std::vector<Organization>> {
                           const Rows rows = tx.query(
                               "SELECT id, name, verbose_name, default_region FROM organizations"
                               " WHERE removed_at IS NULL ORDER BY name");
                           std::vector<Organization> organizations;
                           for (const Row row : rows)
                             organizations.push_back(read_organization(row));
                           return organizations;
                         });
}

Result<void> SqliteCatalog::set_default_region(std::int64_t organization_id,
                                               std::string_view region) {
  return database_->write("set default region", [&](Transaction& tx) -> Result<void> {
    if (auto ok = check_region(tx, region); !ok) return ok;
    const std::int64_t changed = tx.execute(
        "UPDATE organizations SET default_region = ?1 WHERE id = ?2", region, organization_id);
    if (changed == 1) return {};
    return fail(ErrorCode::not_found, "Not found");
  });
}

Result<void> SqliteCatalog::add_region(const Region& region) {
  if (auto ok = check_plain_name("region", region.code); !ok) return ok;
  if (auto ok = check_title("display name", region.display_name); !ok) return ok;
  return database_->write("add region", [&](Transaction& tx) -> Result<void> {
    const std::int64_t added = tx.execute(
        "INSERT INTO regions (code, display_name) VALUES (?1, ?2)"
        " ON CONFLICT (code) DO UPDATE SET removed_at = NULL,"
        " display_name = excluded.display_name WHERE removed_at IS NOT NULL",
        region.code, region.display_name);
    if (added == 1) return {};
    return fail(ErrorCode::conflict, fmt::format("Region {} already exists", shown(region.code)));
  });
}

Result<void> SqliteCatalog::rename_region(std::string_view code, std::string_view display_name) {
  if (auto ok = check_title("display name", display_name); !ok) return ok;
  return database_->write("rename region", [&](Transaction& tx) -> Result<void> {
    if (auto ok = check_region(tx, code); !ok) return ok;
    tx.execute("UPDATE regions SET display_name = ?1 WHERE code = ?2", display_name, code);
    return {};
  });
}

Result<std::vector<Region>> SqliteCatalog::list_regions() {
  return database_->read("list regions", [&](Transaction& tx) -> Result<std::vector<Region>> {
    std::vector<Region> regions;
    for (const Row row : tx.query(
             "SELECT code, display_name FROM regions WHERE removed_at IS NULL ORDER BY rowid")) {
      if (!knows(row.text("code"))) continue;
      regions.push_back({.code = row.text("code"), .display_name = row.text("display_name")});
    }
    return regions;
  });
}

Result<void> SqliteCatalog::put_setting(std::string_view name, std::string_view value) {
  // A server must start on a full disk: the settings that it puts at every start are there already.
  auto there = find_setting(name);
  if (there && *there == value) return {};
  return database_->write("put setting", [&](Transaction& tx) -> Result<void> {
    tx.execute(
        "INSERT INTO settings (name, value) VALUES (?1, ?2)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name, value);
    return {};
  });
}

Result<std::optional<std::string>> SqliteCatalog::find_setting(std::string_view name) {
  return database_->read(
      "find setting", [&](Transaction& tx) -> Result<std::optional<std::string>> {
        const Rows rows = tx.query("SELECT value FROM settings WHERE name = ?1", name);
        if (rows.empty()) return std::nullopt;
        return rows.front().text("value");
      });
}

}  // namespace agent_secrets::control_plane
