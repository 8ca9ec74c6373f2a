// Organizations, regions and settings.
#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/rules.h"
#include "control-plane/catalog/sqlite_catalog.h"

namespace agent_secrets::control_plane {
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

SqliteCatalog::SqliteCatalog(std::unique_ptr<SqliteConnection> connection, ValueCipher cipher,
                             const Clock& clock)
    : connection_(std::move(connection)),
      db_(*connection_),
      cipher_(std::move(cipher)),
      clock_(clock) {}

void SqliteCatalog::know_only(std::set<std::string> regions) {
  known_regions_ = std::move(regions);
}

bool SqliteCatalog::knows(const std::string& region) const {
  return !known_regions_ || known_regions_->contains(region);
}

Result<void> SqliteCatalog::check_region(std::string_view code) {
  auto rows = db_.query("SELECT code FROM regions WHERE removed_at IS NULL ORDER BY code");
  std::string codes;
  while (rows.step()) {
    if (!knows(rows.text(0))) continue;
    if (rows.text(0) == code) return {};
    codes += (codes.empty() ? "" : ", ") + rows.text(0);
  }
  return fail(ErrorCode::invalid,
              fmt::format("Invalid region {}. Valid regions are: {}", shown(code), codes));
}

Organization SqliteCatalog::read_organization(const SqliteQuery& row) {
  return {.id = row.integer(0),
          .name = row.text(1),
          .verbose_name = row.text(2),
          .default_region = row.text(3)};
}

Result<Organization> SqliteCatalog::organization_by_id(std::int64_t id) {
  auto row = db_.query(
      "SELECT id, name, verbose_name, default_region FROM organizations"
      " WHERE id = ? AND removed_at IS NULL",
      id);
  if (!row.step()) return fail(ErrorCode::not_found, "Not found");
  return read_organization(row);
}

std::string SqliteCatalog::why_not_added(std::string_view organization) {
  auto row = db_.query("SELECT 1 FROM organizations WHERE name = ? AND removed_at IS NOT NULL",
                       organization);
  if (!row.step()) return fmt::format("Organization {} already exists", shown(organization));
  return fmt::format(
      "The name {} was that of an organization that has been removed, and is not given again: its "
      "agents' credentials and caches know it by this name. Choose another",
      shown(organization));
}

Result<Organization> SqliteCatalog::create_organization(std::string_view name,
                                                        std::string_view verbose_name,
                                                        std::string_view default_region) {
  if (auto ok = check_plain_name("organization name", name); !ok) return propagate(ok);
  if (verbose_name.empty()) verbose_name = name;
  if (auto ok = check_title("display name", verbose_name); !ok) return propagate(ok);
  return db_.write("create organization", [&]() -> Result<Organization> {
    if (auto ok = check_region(default_region); !ok) return propagate(ok);
    const int added = db_.query(
                             "INSERT INTO organizations (name, verbose_name, default_region)"
                             " VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                             name, verbose_name, default_region)
                          .run();
    if (added == 0) return fail(ErrorCode::conflict, why_not_added(name));
    return organization_by_id(db_.last_insert_id());
  });
}

Result<std::optional<Organization>> SqliteCatalog::find_organization(std::string_view name) {
  return db_.read("find organization", [&]() -> Result<std::optional<Organization>> {
    auto row = db_.query(
        "SELECT id, name, verbose_name, default_region FROM organizations"
        " WHERE name = ? AND removed_at IS NULL",
        name);
    if (!row.step()) return std::nullopt;
    return read_organization(row);
  });
}

Result<std::vector<Organization>> SqliteCatalog::list_organizations() {
  return db_.read("list organizations", [&]() -> Result<std::vector<Organization>> {
    auto rows = db_.query(
        "SELECT id, name, verbose_name, default_region FROM organizations"
        " WHERE removed_at IS NULL ORDER BY name");
    std::vector<Organization> organizations;
    while (rows.step()) organizations.push_back(read_organization(rows));
    return organizations;
  });
}

Result<void> SqliteCatalog::set_default_region(std::int64_t organization_id,
                                               std::string_view region) {
  return db_.write("set default region", [&]() -> Result<void> {
    if (auto ok = check_region(region); !ok) return ok;
    const int changed = db_.query("UPDATE organizations SET default_region = ? WHERE id = ?",
                                  region, organization_id)
                            .run();
    if (changed == 1) return {};
    return fail(ErrorCode::not_found, "Not found");
  });
}

Result<void> SqliteCatalog::add_region(const Region& region) {
  if (auto ok = check_plain_name("region", region.code); !ok) return ok;
  if (auto ok = check_title("display name", region.display_name); !ok) return ok;
  return db_.write("add region", [&]() -> Result<void> {
    const int added = db_.query(
                             "INSERT INTO regions (code, display_name) VALUES (?, ?)"
                             " ON CONFLICT (code) DO UPDATE SET removed_at = NULL,"
                             " display_name = excluded.display_name WHERE removed_at IS NOT NULL",
                             region.code, region.display_name)
                          .run();
    if (added == 1) return {};
    return fail(ErrorCode::conflict, fmt::format("Region {} already exists", shown(region.code)));
  });
}

Result<void> SqliteCatalog::rename_region(std::string_view code, std::string_view display_name) {
  if (auto ok = check_title("display name", display_name); !ok) return ok;
  return db_.write("rename region", [&]() -> Result<void> {
    if (auto ok = check_region(code); !ok) return ok;
    db_.query("UPDATE regions SET display_name = ? WHERE code = ?", display_name, code).run();
    return {};
  });
}

Result<std::vector<Region>> SqliteCatalog::list_regions() {
  return db_.read("list regions", [&]() -> Result<std::vector<Region>> {
    auto rows =
        db_.query("SELECT code, display_name FROM regions WHERE removed_at IS NULL ORDER BY rowid");
    std::vector<Region> regions;
    while (rows.step()) {
      if (!knows(rows.text(0))) continue;
      regions.push_back({.code = rows.text(0), .display_name = rows.text(1)});
    }
    return regions;
  });
}

Result<void> SqliteCatalog::put_setting(std::string_view name, std::string_view value) {
  // A server starts on a full disk too: what it puts at every start is there already.
  auto there = find_setting(name);
  if (there && *there == value) return {};
  return db_.write("put setting", [&]() -> Result<void> {
    db_.query(
           "INSERT INTO settings (name, value) VALUES (?, ?)"
           " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
           name, value)
        .run();
    return {};
  });
}

Result<std::optional<std::string>> SqliteCatalog::find_setting(std::string_view name) {
  return db_.read("find setting", [&]() -> Result<std::optional<std::string>> {
    auto row = db_.query("SELECT value FROM settings WHERE name = ?", name);
    if (!row.step()) return std::nullopt;
    return row.text(0);
  });
}

}  // namespace agent_secrets::control_plane
