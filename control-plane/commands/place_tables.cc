#include "control-plane/commands/place_tables.h"

#include <functional>
#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/moving.h"
#include "control-plane/catalog/restored_copy.h"
#include "control-plane/region/server_timeline.h"

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

Result<void> refuse_empty(StorePlace& place) {
  auto there = place.has_catalog();
  if (!there) return propagate(there);
  if (*there) return {};
  return fail(ErrorCode::not_found, place.name() + " holds no catalog",
              place.hint_without_catalog());
}

Result<bool> is_copied(StorePlace& place, const Row& row) {
  const std::string code = row.text("code");
  if (place.region_database(code)) return false;
  auto there = place.has_region(code);
  if (!there || *there) return there;
  // The store of a removed region stays, unless an operator has deleted it.
  if (row.boolean("is_removed")) return false;
  return fail(ErrorCode::not_found, place.name_of_region(code) + " is not there",
              "give --region-database if it is in a database of its own, or see 'A region file is "
              "lost' in docs/OPERATIONS.md");
}

Result<std::vector<std::string>> regions_to_copy(StorePlace& place, Transaction& catalog) {
  std::vector<std::string> codes;
  for (const Row row :
       catalog.query("SELECT code, removed_at IS NOT NULL AS is_removed FROM regions")) {
    auto copied = is_copied(place, row);
    if (!copied) return propagate(copied);
    if (*copied) codes.push_back(row.text("code"));
  }
  return codes;
}

Result<PlaceTables> lock_chosen(StorePlace& place, const ChooseRegions& choose) {
  auto catalog = place.lock_catalog_tables();
  if (!catalog) return propagate(catalog);
  PlaceTables tables{.catalog = std::move(*catalog), .regions = {}};
  auto codes = choose(tables.catalog->transaction());
  if (!codes) return propagate(codes);
  for (const std::string& code : *codes) {
    auto region = place.lock_region_tables(code);
    if (!region) return propagate(region, "region " + code);
    tables.regions.emplace(code, std::move(*region));
  }
  return tables;
}

// `make` makes the empty tables, and `lock` opens them.
struct Target {
  std::function<Result<std::unique_ptr<Database>>()> make;
  std::function<Result<std::unique_ptr<Tables>>()> lock;
};

Result<RowCounts> copy(Tables& from, const Target& target) {
  if (auto made = target.make(); !made) return propagate(made);
  Result<RowCounts> rows;
  {
    auto to = target.lock();
    if (!to) return propagate(to);
    rows = copy_tables(from, **to, tables_left_out());
    if (!rows) return rows;
  }
  auto copied = target.lock();
  if (!copied) return propagate(copied);
  auto same = compare_tables(from, **copied, tables_left_out());
  if (!same) return propagate(same);
  return rows;
}

}  // namespace

// These tables say which process does which work, by the clock of the source. The target has other
// processes and another clock.
const std::set<std::string>& tables_left_out() {
  static const std::set<std::string> tables{"leases", "fence"};
  return tables;
}

Result<PlaceTables> lock_source(StorePlace& place) {
  if (auto locked = place.lock_for_server(); !locked) return propagate(locked);
  if (auto there = refuse_empty(place); !there) return propagate(there);
  return guarded("lock " + place.name(), [&] {
    return lock_chosen(place, [&](Transaction& tx) -> Result<std::vector<std::string>> {
      if (auto here = refuse_moved(tx, place.name()); !here) return propagate(here);
      if (auto idle = refuse_served(tx, place); !idle) return propagate(idle);
      return regions_to_copy(place, tx);
    });
  });
}

Result<void> mark_source(PlaceTables source, const std::string& target) {
  return guarded("mark the source as moved", [&]() -> Result<void> {
    mark_as_moved(source.catalog->transaction(), target);
    source.catalog->commit();
    return {};
  });
}

Result<PlaceTables> read_source(StorePlace& place) {
  if (auto there = refuse_empty(place); !there) return propagate(there);
  return guarded("read " + place.name(), [&] {
    return place.read_tables([&](Transaction& tx) -> Result<std::vector<std::string>> {
      if (auto here = refuse_moved(tx, place.name()); !here) return propagate(here);
      return regions_to_copy(place, tx);
    });
  });
}

Result<PlaceTables> lock_tables(StorePlace& place, const std::vector<std::string>& regions) {
  return guarded("lock " + place.name(), [&] {
    return lock_chosen(place,
                       [&](Transaction&) { return Result<std::vector<std::string>>(regions); });
  });
}

Result<std::vector<CopiedPart>> copy_place(const PlaceTables& from, StorePlace& to) {
  if (auto made = to.make(); !made) return propagate(made);
  std::vector<CopiedPart> parts;
  const auto copy_part = [&](CopiedPart part, Tables& tables,
                             const Target& target) -> Result<void> {
    auto rows = copy(tables, target);
    if (!rows) return propagate(rows, "copy the " + part.name());
    part.rows = std::move(*rows);
    parts.push_back(std::move(part));
    return {};
  };
  auto copied = copy_part({.region = {}, .rows = {}}, *from.catalog,
                          {.make = [&] { return to.open_catalog(); },
                           .lock = [&] { return to.lock_catalog_tables(); }});
  if (!copied) return propagate(copied);
  for (const auto& region : from.regions) {
    const std::string& code = region.first;
    copied = copy_part({.region = code, .rows = {}}, *region.second,
                       {.make = [&] { return to.open_region(code); },
                        .lock = [&] { return to.lock_region_tables(code); }});
    if (!copied) return propagate(copied);
  }
  return parts;
}

Result<void> settle_copy(StorePlace& copy, const std::vector<CopiedPart>& parts,
                         const std::function<void(Transaction&)>& also) {
  for (const CopiedPart& part : parts) {
    auto database = part.region ? copy.open_region(*part.region) : copy.open_catalog();
    if (!database) return propagate(database);
    auto settled = (*database)->write("settle the copy", [&](Transaction& tx) -> Result<void> {
      if (part.region) {
        forget_server_of_region(tx);
        return {};
      }
      forget_server_of_catalog(tx);
      if (also) also(tx);
      return {};
    });
    if (!settled) return propagate(settled, part.name());
  }
  return {};
}

}  // namespace agent_secrets::control_plane
