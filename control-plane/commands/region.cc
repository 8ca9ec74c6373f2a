#include "control-plane/commands/region.h"

#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/commands/admin.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

std::string regions_json(const std::vector<Region>& regions) {
  json::array rows;
  for (const Region& region : regions) {
    rows.push_back(json::object{{"code", region.code}, {"displayName", region.display_name}});
  }
  return json_line(rows);
}

std::string regions_table(const std::vector<Region>& regions) {
  std::vector<TableRow> rows{{"CODE", "DISPLAY NAME"}};
  for (const Region& region : regions) rows.push_back({region.code, region.display_name});
  return format_table(rows);
}

Result<void> enter(const RegionAddOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  const std::string& title = options.display_name.empty() ? options.code : options.display_name;
  return stores->catalog->regions.add({.code = options.code, .display_name = title});
}

}  // namespace

Result<void> add_region(const RegionAddOptions& options, const Clock& clock) {
  if (auto entered = enter(options, clock); !entered) return propagate(entered, "add region");
  // Opening creates its keys and its store, as every later opening would.
  auto opened = open_data(options.data, clock);
  if (!opened) return propagate(opened, "region '" + options.code + "' is added, but has no store");
  note("region '" + options.code +
       "' is ready\nhint: Restart secret-control-plane serve, if it runs: it offers the regions "
       "that there were when it started.");
  return {};
}

Result<void> rename_region(const RegionRenameOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto renamed = stores->catalog->regions.rename(options.code, options.display_name);
  if (!renamed) return propagate(renamed, "rename region");
  return {};
}

Result<void> remove_region(const RegionRemoveOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto removed = stores->catalog->regions.remove(options.code);
  if (!removed) {
    if (removed.error().code == ErrorCode::conflict) {
      removed.error().hint =
          "delete its agents and sets with the official CLI (agent delete, secrets delete), and "
          "give its organizations another default (organizations default-region)";
    }
    return propagate(removed, "remove region");
  }
  note(
      "region '" + options.code +
      "' is removed: nothing new goes there\nhint: Its store and its keys stay, and region add "
      "brings it back with them. Restart secret-control-plane serve, if it runs, before you delete "
      "its file.");
  return {};
}

Result<void> list_regions(const RegionListOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto regions = stores->catalog->regions.list();
  if (!regions) return propagate(regions);
  return print(options.json ? regions_json(*regions) : regions_table(*regions));
}

}  // namespace agent_secrets::control_plane
