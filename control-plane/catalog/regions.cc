#include "control-plane/catalog/regions.h"

#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/audit.h"
#include "control-plane/catalog/context.h"
#include "control-plane/catalog/rules.h"

namespace agent_secrets::control_plane {

void Regions::know_only(std::set<std::string> codes) {
  context_.known_regions.know_only(std::move(codes));
}

Result<void> check_region(Transaction& tx, const CatalogContext& context, std::string_view code) {
  std::string codes;
  for (const Row row :
       tx.query("SELECT code FROM regions WHERE removed_at IS NULL ORDER BY code")) {
    const std::string listed = row.text("code");
    const bool is_known = context.known_regions.contains(listed);
    if (listed == code && is_known) return {};
    if (listed == code) {
      return fail(ErrorCode::unavailable,
                  fmt::format("Region {} is new: this process has not opened it yet", shown(code)));
    }
    if (is_known) codes += (codes.empty() ? "" : ", ") + listed;
  }
  return fail(ErrorCode::invalid,
              fmt::format("Invalid region {}. Valid regions are: {}", shown(code), codes));
}

Result<void> Regions::check_new(const Region& region) {
  if (auto ok = check_plain_name("region", region.code); !ok) return ok;
  return check_title("display name", region.display_name);
}

Result<void> Regions::add(const Actor& actor, const Region& region) {
  if (auto ok = check_new(region); !ok) return ok;
  return context_.database->write("add region", [&](Transaction& tx) -> Result<void> {
    const std::int64_t added = tx.execute(
        "INSERT INTO regions (code, display_name) VALUES (?1, ?2)"
        " ON CONFLICT (code) DO UPDATE SET removed_at = NULL,"
        " display_name = excluded.display_name WHERE regions.removed_at IS NOT NULL",
        region.code, region.display_name);
    if (added != 1) {
      return fail(ErrorCode::conflict, fmt::format("Region {} already exists", shown(region.code)));
    }
    record(tx, context_, actor,
           {.action = "region.add", .object = fmt::format("region {}", region.code)});
    return {};
  });
}

Result<void> Regions::rename(const Actor& actor, std::string_view code,
                             std::string_view display_name) {
  if (auto ok = check_title("display name", display_name); !ok) return ok;
  return context_.database->write("rename region", [&](Transaction& tx) -> Result<void> {
    if (auto ok = check_region(tx, context_, code); !ok) return ok;
    tx.execute("UPDATE regions SET display_name = ?1 WHERE code = ?2", display_name, code);
    record(tx, context_, actor,
           {.action = "region.rename",
            .object = fmt::format("region {}", code),
            .detail = fmt::format("display name {}", display_name)});
    return {};
  });
}

Result<std::set<std::string>> Regions::codes() {
  return context_.database->read(
      "list regions", [](Transaction& tx) -> Result<std::set<std::string>> {
        std::set<std::string> codes;
        for (const Row row : tx.query("SELECT code FROM regions WHERE removed_at IS NULL")) {
          codes.insert(row.text("code"));
        }
        return codes;
      });
}

Result<std::vector<Region>> Regions::list() {
  return context_.database->read(
      "list regions", [&](Transaction& tx) -> Result<std::vector<Region>> {
        std::vector<Region> regions;
        for (const Row row : tx.query("SELECT code, display_name FROM regions WHERE removed_at IS "
                                      "NULL ORDER BY rowid")) {
          if (!context_.known_regions.contains(row.text("code"))) continue;
          regions.push_back({.code = row.text("code"), .display_name = row.text("display_name")});
        }
        return regions;
      });
}

}  // namespace agent_secrets::control_plane
