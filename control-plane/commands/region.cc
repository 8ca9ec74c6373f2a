// `region add | rename | remove | export-keys | list`: sets and agents live in regions. `init`
// makes the first.

#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"
#include "control-plane/keys/key_store.h"
#include "control-plane/keys/region_keys.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

struct AddRegionOptions {
  DataOptions data;
  std::string code;
  std::string display_name;  // empty: the code
};

struct RenameOptions {
  DataOptions data;
  std::string code;
  std::string display_name;
};

struct RemoveRegionOptions {
  DataOptions data;
  std::string code;
};

struct ExportKeysOptions {
  DataOptions data;
  std::string code;
  std::string file;
};

struct ListRegionsOptions {
  DataOptions data;
  bool json = false;
};

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

// The keys and the store are made before the catalog lists the region, because running servers open
// every region of that list, and are not ready while they cannot.
Result<void> make_region(const AddRegionOptions& options, const Clock& clock) {
  const Region region{
      .code = options.code,
      .display_name = options.display_name.empty() ? options.code : options.display_name};
  if (auto ok = Regions::check_new(region); !ok) return ok;
  auto data = find_data(options.data);
  if (!data) return propagate(data);
  auto stores = open_stores(*data->place, data->master_key, clock);
  if (!stores) return propagate(stores);
  Catalog& catalog = *stores->catalog;
  auto made = open_region(*data->place, catalog, data->master_key, region.code);
  if (!made) return propagate(made);
  return catalog.regions.add(host_actor(), region);
}

Result<void> add_region(const AddRegionOptions& options, const Clock& clock) {
  if (auto made = make_region(options, clock); !made) return propagate(made, "add region");
  note("region '" + options.code + "' is ready: running servers serve it within two seconds");
  return {};
}

Result<void> rename_region(const RenameOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto renamed = stores->catalog->regions.rename(host_actor(), options.code, options.display_name);
  if (!renamed) return propagate(renamed, "rename region");
  return {};
}

// ErrorCode::conflict while the region is in use, with what uses it. Running servers refuse further
// writes to the region at once, and close its store when their last request of the region has
// ended.
Result<void> remove_region(const RemoveRegionOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto removed = stores->catalog->regions.remove(host_actor(), options.code);
  if (!removed) {
    if (removed.error().code == ErrorCode::conflict) {
      removed.error().hint =
          "delete its agents and sets with the official CLI (agent delete, secrets delete), and "
          "give its organizations another default (organizations default-region)";
    }
    return propagate(removed, "remove region");
  }
  note("region '" + options.code +
       "' is removed: nothing new goes there\nhint: Its store and its keys stay, and region add "
       "brings it back with them. Running servers close its store within two minutes.");
  return {};
}

// Opens only the catalog, because the region's own database may be unreachable from here.
Result<void> write_keys(const ExportKeysOptions& options, const Clock& clock) {
  auto data = find_data(options.data);
  if (!data) return propagate(data);
  auto catalog = open_catalog(*data->place, data->master_key, clock);
  if (!catalog) return propagate(catalog);
  auto codes = (*catalog)->regions.codes();
  if (!codes) return propagate(codes);
  if (!codes->contains(options.code)) {
    return fail(ErrorCode::not_found, "no region '" + options.code + "'",
                "see secret-control-plane region list");
  }
  auto keys =
      KeyStore(*(*catalog)->context.database, data->master_key).export_region_keys(options.code);
  if (!keys) return propagate(keys);
  auto recorded = (*catalog)->audit.add(
      host_actor(), {.action = "region.export-keys", .object = "region " + options.code});
  if (!recorded) return propagate(recorded);
  const SecretBuffer text = region_keys_text(*keys);
  return write_private_file(options.file, text.expose_text());
}

Result<void> export_keys(const ExportKeysOptions& options, const Clock& clock) {
  if (auto written = write_keys(options, clock); !written)
    return propagate(written, "export the keys");
  note("the keys of region '" + options.code +
       "' are written\nhint: Protect the file: its reader can decrypt every value of the region.");
  return {};
}

Result<void> list_regions(const ListRegionsOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto regions = stores->catalog->regions.list();
  if (!regions) return propagate(regions);
  return print(options.json ? regions_json(*regions) : regions_table(*regions));
}

}  // namespace

void declare_region(const Declarations& declare) {
  const Declarations group = declare.group(
      "region", "Manage regions, where sets are stored and agents run",
      {.examples = {{"secret-control-plane region add eu-central --display-name \"EU (Frankfurt)\"",
                     "Make a region"},
                    {"secret-control-plane region list", "Print all regions"}},
       .reading = {{"docs/OPERATIONS.md", "Regions"}}});

  const auto add = group.command(
      "add", "Make a region with its own keys and store; running servers serve it at once",
      add_region);
  add.argument("code", add->code, "such as eu-central; it cannot be changed");
  add.option("--display-name", add->display_name, "TEXT",
             "the name that people see; without it, the code");

  const auto rename =
      group.command("rename", "Change the display name of a region; its code stays", rename_region);
  rename.argument("code", rename->code, "the region");
  rename.argument("display-name", rename->display_name, "the name that people see");

  const auto remove = group.command(
      "remove", "Remove a region without agents and sets; its store and its keys stay",
      remove_region);
  remove.argument("code", remove->code, "the region");

  const auto keys = group.command(
      "export-keys", "Write the keys that a region node needs into a new file", export_keys,
      {.examples = {{"secret-control-plane region export-keys eu-central eu.keys",
                     "Then move the file to the node: serve --only-region --region-keys"}},
       .reading = {{"docs/OPERATIONS.md", "A region node"}}});
  keys.argument("code", keys->code, "the region");
  keys.argument("file", keys->file, "the file, which must not exist; mode 0600").takes("FILE");

  add_json(group.command("list", "Print all regions", list_regions));
}

}  // namespace agent_secrets::control_plane
