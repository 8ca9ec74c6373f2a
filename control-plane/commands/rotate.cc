// `rotate master-key | data-keys | signing-keys | status`: new keys in place of old ones, while
// servers run (keys/key_rotation.h, data_key_rotation.h).

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "control-plane/catalog/reencryption.h"
#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"
#include "control-plane/data_key_rotation.h"
#include "control-plane/keys/key_rotation.h"
#include "control-plane/keys/key_store.h"
#include "control-plane/region/reencryption.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

struct MasterKeyOptions {
  DataOptions data;
  std::string new_file;
  std::string new_command;
};

struct DataKeysOptions {
  DataOptions data;
  std::string region;  // empty: the catalog and every region
  bool nodes_have_keys = false;
};

struct SigningKeysOptions {
  DataOptions data;
  std::string region;
};

struct RotationStatusOptions {
  DataOptions data;
  bool json = false;
};

// A file that does not exist is made.
Result<MasterKey> new_master_key(const MasterKeyOptions& options) {
  if (!options.new_command.empty())
    return MasterKey::load(MasterKeySource{.command = options.new_command});
  std::error_code ignored;
  if (!std::filesystem::exists(options.new_file, ignored)) {
    return MasterKey::create_file(options.new_file);
  }
  return MasterKey::load(MasterKeySource{.file = options.new_file});
}

Result<std::vector<KeyFacts>> keys_of(Catalog& catalog) {
  return catalog.context.database->read("list the keys", [](Transaction& tx) {
    return Result<std::vector<KeyFacts>>(list_keys(tx));
  });
}

// Running servers follow a change of the list of keys within kTimeToFollow: a new key, another
// state, or the end of an old key. Until the new master key is in the place of the old one, they
// cannot follow a change of keys that it has wrapped.
constexpr std::chrono::milliseconds kTimeToFollow = 2 * limits::kLookEvery;

// Returns when the list has been the same for kTimeToFollow.
Result<void> wait_until_servers_have_keys(const Data& data, Clock& clock) {
  auto catalog = open_catalog(*data.place, data.master_key, clock);
  if (!catalog) return propagate(catalog);
  auto keys = keys_of(**catalog);
  for (;;) {
    if (!keys) return propagate(keys);
    clock.sleep_for(kTimeToFollow);
    auto later = keys_of(**catalog);
    if (later && *later == *keys) return {};
    keys = std::move(later);
  }
}

// Opening the catalog with both keys wraps everything anew. Nothing is left to do when that was
// done before, so the command can be repeated: the old key alone does not open the catalog then.
Result<void> rotate_master_key(const MasterKeyOptions& options, Clock& clock) {
  auto data = find_data(options.data);
  if (!data) return propagate(data);
  auto next = new_master_key(options);
  if (!next) return propagate(next, "new master key");
  auto waited = wait_until_servers_have_keys(*data, clock);
  if (!waited && waited.error().code != ErrorCode::untrusted) return waited;
  auto catalog = open_catalog(*data->place, next->with_previous(data->master_key), clock);
  if (!catalog) return propagate(catalog);
  note(
      "everything is encrypted under the new master key\n"
      "hint: Put the new key in the place of the old one on every machine with the catalog: a "
      "server or command that starts needs it. Running servers go on. Then make a backup, because "
      "older backups still need the old key.");
  return {};
}

void tell(const std::string& what, const std::string& unit, const DataKeyRotation& rotation) {
  note(fmt::format("{}: data key {} is active{}; {} encrypted anew: {}; older keys: 0", what,
                   rotation.key, rotation.has_resumed ? " (a rotation was finished)" : "", unit,
                   rotation.done));
}

Result<void> rotate_region(const DataKeysOptions& options, const Data& data, Catalog& catalog,
                           const std::string& code) {
  auto rotation = rotate_region_keys(catalog, data.master_key, code, options.nodes_have_keys,
                                     [&] { return data.place->open_region(code); });
  if (!rotation) return propagate(rotation, "region " + code);
  tell("region " + code, "sets", *rotation);
  return {};
}

// Opens only the catalog, because a region may be unreachable.
Result<std::set<std::string>> chosen_regions(Catalog& catalog, const std::string& code) {
  auto codes = catalog.regions.codes();
  if (!codes || code.empty()) return codes;
  if (codes->contains(code)) return std::set{code};
  return fail(ErrorCode::not_found, "no region '" + code + "'",
              "see secret-control-plane region list");
}

// Tries every region, also after a failure. Returns the first error.
Result<void> rotate_data_keys(const DataKeysOptions& options, const Clock& clock) {
  auto data = find_data(options.data);
  if (!data) return propagate(data);
  auto catalog = open_catalog(*data->place, data->master_key, clock);
  if (!catalog) return propagate(catalog);
  auto regions = chosen_regions(**catalog, options.region);
  if (!regions) return propagate(regions);
  if (options.region.empty()) {
    auto rotation = rotate_catalog_keys(**catalog, data->master_key);
    if (!rotation) return propagate(rotation, "catalog");
    tell("catalog", "values", *rotation);
  }
  Result<void> outcome;
  for (const std::string& code : *regions) {
    auto rotated = rotate_region(options, *data, **catalog, code);
    if (!rotated && outcome) outcome = std::move(rotated);
  }
  return outcome;
}

struct Rotated {
  RegionSigningKeys keys;
  bool has_nodes = false;
};

Result<Rotated> rotate_signing(const SigningKeysOptions& options, const Clock& clock) {
  auto data = find_data(options.data);
  if (!data) return propagate(data);
  auto catalog = open_catalog(*data->place, data->master_key, clock);
  if (!catalog) return propagate(catalog);
  if (auto known = chosen_regions(**catalog, options.region); !known) return propagate(known);
  Database& database = *(*catalog)->context.database;
  KeyStore store(database, data->master_key);
  if (auto made = store.signing_keys(options.region); !made) return propagate(made);
  auto has_nodes = database.write("rotate signing keys", [&](Transaction& tx) -> Result<bool> {
    auto done = rotate_signing_keys(tx, data->master_key, options.region);
    if (!done) return propagate(done);
    return std::ranges::any_of(list_keys(tx, data_key_purpose(options.region)),
                               &KeyFacts::is_exported);
  });
  if (!has_nodes) return propagate(has_nodes);
  auto keys = store.signing_keys(options.region);
  if (!keys) return propagate(keys);
  return Rotated{.keys = std::move(*keys), .has_nodes = *has_nodes};
}

// Waits until running servers sign with the new key: a credential that is issued next does not
// trust the old one.
Result<void> rotate_signing_keys_of(const SigningKeysOptions& options, Clock& clock) {
  auto rotated = rotate_signing(options, clock);
  if (!rotated) return propagate(rotated);
  clock.sleep_for(kTimeToFollow);
  note(fmt::format("region {}: signing key {} is active, and {} is the standby key", options.region,
                   rotated->keys.active_kid, rotated->keys.verification_keys.back().kid));
  if (rotated->has_nodes) {
    note(fmt::format(
        "hint: Nodes of the region still sign with the old key, which credentials that are issued "
        "from now on do not trust. Run secret-control-plane region export-keys {} FILE, give the "
        "file to every node and reload it (SIGHUP).",
        options.region));
  }
  return {};
}

// What is under a data key; absent for other keys, and for a region that cannot be reached.
using Counts = std::vector<std::optional<std::int64_t>>;

std::optional<std::int64_t> count(Database& database, const std::string& key,
                                  std::int64_t (*count_in)(Transaction&, std::string_view)) {
  auto counted = database.read(
      "count", [&](Transaction& tx) { return Result<std::int64_t>(count_in(tx, key)); });
  if (!counted) return std::nullopt;
  return *counted;
}

std::optional<std::int64_t> count_under(StorePlace& place, Catalog& catalog, const KeyFacts& key) {
  constexpr std::string_view kRegionPrefix = "region:";
  if (key.purpose == kCatalogPurpose) {
    return count(*catalog.context.database, key.id, count_values_under_key);
  }
  if (!key.purpose.starts_with(kRegionPrefix)) return std::nullopt;
  const std::string code = key.purpose.substr(kRegionPrefix.size());
  const auto there = place.has_region(code);
  if (!there || !*there) return std::nullopt;
  auto store = place.open_region(code);
  if (!store) return std::nullopt;
  return count(**store, key.id, count_under_key);
}

std::string status_table(const std::vector<KeyFacts>& keys, const Counts& counts) {
  std::vector<TableRow> rows{{"PURPOSE", "KEY", "STATE", "CREATED", "ROWS"}};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string total = counts[i] ? std::to_string(*counts[i]) : "-";
    rows.push_back(
        {keys[i].purpose, keys[i].id, keys[i].state, format_or_dash(keys[i].created_at), total});
  }
  return format_table(rows, output_style());
}

std::string status_json(const std::vector<KeyFacts>& keys, const Counts& counts) {
  json::array rows;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    json::object row{{"purpose", keys[i].purpose},
                     {"key", keys[i].id},
                     {"state", keys[i].state},
                     {"createdAt", time_or_null(keys[i].created_at)}};
    row["rows"] = counts[i] ? json::value(*counts[i]) : json::value(nullptr);
    rows.push_back(std::move(row));
  }
  return json_line(rows);
}

Result<void> status(const RotationStatusOptions& options, const Clock& clock) {
  auto data = find_data(options.data);
  if (!data) return propagate(data);
  auto catalog = open_catalog(*data->place, data->master_key, clock);
  if (!catalog) return propagate(catalog);
  auto keys = keys_of(**catalog);
  if (!keys) return propagate(keys);
  Counts counts;
  for (const KeyFacts& key : *keys) counts.push_back(count_under(*data->place, **catalog, key));
  return print(options.json ? status_json(*keys, counts) : status_table(*keys, counts));
}

}  // namespace

void declare_rotate(const Declarations& declare) {
  const Declarations group = declare.group(
      "rotate", "Replace keys by new ones, while servers run",
      {.examples = {{"secret-control-plane rotate data-keys", "Encrypt every value anew"},
                    {"secret-control-plane rotate status", "Is anything left under an old key?"}},
       .reading = {{"docs/OPERATIONS.md", "Rotating keys"}}});

  const auto master = group.command(
      "master-key", "Encrypt all other keys under a new master key", rotate_master_key,
      {.examples = {{"secret-control-plane rotate master-key \\\n"
                     "      --new-master-key-file /etc/agent-secrets/new.key && \\\n"
                     "  mv /etc/agent-secrets/new.key /etc/agent-secrets/master.key",
                     "Where --master-key-file is /etc/agent-secrets/master.key"}},
       .text = "One transaction. Running servers go on, and read the file of the master key again "
               "when they need it; a server that starts needs the new key.",
       .reading = {{"docs/OPERATIONS.md", "Rotating keys"}}});
  const DeclaredOption file = master.option("--new-master-key-file", master->new_file, "FILE",
                                            "the new key; it is made if there is no such file");
  master
      .option("--new-master-key-command", master->new_command, "COMMAND",
              "a command that prints the new key")
      .excludes(file);
  master.require([master] { return !master->new_file.empty() || !master->new_command.empty(); },
                 "--new-master-key-file", "the new key is required");

  const auto data = group.command(
      "data-keys", "Make new data keys, and encrypt every value anew", rotate_data_keys,
      {.text = "Can be killed at any time: run it again to finish. Deletes the old keys when "
               "nothing is under them.",
       .reading = {{"docs/OPERATIONS.md", "Rotating keys"}}});
  data.option("--region", data->region, "CODE",
              "only this region; without it, the catalog and every region");
  data.flag("--nodes-have-keys", data->nodes_have_keys,
            "every node of the region has the file that region export-keys wrote last");

  const auto signing = group.command(
      "signing-keys", "Sign bundles of a region with its standby key, and make a new standby key",
      rotate_signing_keys_of,
      {.text = "Credentials stay valid. After a theft of a key, see the runbook.",
       .reading = {{"docs/OPERATIONS.md", "Rotating keys"}}});
  signing.option("--region", signing->region, "CODE", "the region").required();

  add_json(group.command("status", "Print every key, and what is still under it", status));
}

}  // namespace agent_secrets::control_plane
