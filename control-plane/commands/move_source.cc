#include "control-plane/commands/move_source.h"

#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/moving.h"

namespace agent_secrets::control_plane {
namespace {

// Only a shared place is checked. A data directory has a lock, which already shows whether it is
// served, and its leases may be left from a server that was killed.
Result<void> refuse_served(Transaction& tx, const StorePlace& place) {
  if (!place.is_shared()) return {};
  const auto holder = find_holder(tx);
  if (!holder) return {};
  return fail(ErrorCode::conflict,
              fmt::format("{} is served by {}, or was a few seconds ago", place.name(), *holder),
              "stop every server; the lease of a server that was killed ends after 10 s");
}

Result<std::unique_ptr<Tables>> lock_catalog(StorePlace& place) {
  auto there = place.has_catalog();
  if (!there) return propagate(there);
  if (!*there) {
    return fail(ErrorCode::not_found, place.name() + " holds no catalog",
                place.hint_without_catalog());
  }
  auto tables = place.lock_catalog_tables();
  if (!tables) return tables;
  Transaction& tx = (*tables)->transaction();
  if (auto here = refuse_moved(tx, place.name()); !here) return propagate(here);
  if (auto idle = refuse_served(tx, place); !idle) return propagate(idle);
  return tables;
}

Result<void> lock_region(StorePlace& place, const Row& row, MoveSource& source) {
  const std::string code = row.text("code");
  if (place.region_database(code)) return {};  // the store stays there
  auto there = place.has_region(code);
  if (!there) return propagate(there);
  if (!*there) {
    // A removed region keeps its store until an operator deletes it.
    if (row.boolean("is_removed")) return {};
    return fail(
        ErrorCode::not_found, place.name_of_region(code) + " is not there",
        "give --region-database if the region has a database of its own; otherwise see 'A region "
        "file is lost' in docs/OPERATIONS.md");
  }
  auto tables = place.lock_region_tables(code);
  if (!tables) return propagate(tables, "region " + code);
  source.regions.emplace(code, std::move(*tables));
  return {};
}

Result<MoveSource> lock_all(StorePlace& place) {
  auto catalog = lock_catalog(place);
  if (!catalog) return propagate(catalog);
  MoveSource source{.catalog = std::move(*catalog), .regions = {}};
  for (const Row row : source.catalog->transaction().query(
           "SELECT code, removed_at IS NOT NULL AS is_removed FROM regions")) {
    if (auto locked = lock_region(place, row, source); !locked) return propagate(locked);
  }
  return source;
}

}  // namespace

Result<MoveSource> lock_source(StorePlace& place) {
  if (auto locked = place.lock_for_server(); !locked) return propagate(locked);
  return guarded("lock " + place.name(), [&] { return lock_all(place); });
}

Result<void> mark_source(MoveSource source, const std::string& target) {
  return guarded("mark the source as moved", [&]() -> Result<void> {
    mark_as_moved(source.catalog->transaction(), target);
    source.catalog->commit();
    return {};
  });
}

}  // namespace agent_secrets::control_plane
