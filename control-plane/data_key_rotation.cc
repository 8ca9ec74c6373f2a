#include "control-plane/data_key_rotation.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "control-plane/catalog/reencryption.h"
#include "control-plane/keys/key_rotation.h"
#include "control-plane/keys/key_store.h"
#include "control-plane/region/reencryption.h"

namespace agent_secrets::control_plane {
namespace {

Database& database_of(Catalog& catalog) { return *catalog.context.database; }

// The retired keys of a purpose.
Result<std::vector<std::string>> retired_keys(Catalog& catalog, std::string_view purpose) {
  return database_of(catalog).read("list the keys",
                                   [&](Transaction& tx) -> Result<std::vector<std::string>> {
                                     std::vector<std::string> retired;
                                     for (const KeyFacts& key : list_keys(tx, purpose)) {
                                       if (key.state == kRetired) retired.push_back(key.id);
                                     }
                                     return retired;
                                   });
}

Result<DataKeyStep> begin(Catalog& catalog, const MasterKey& master_key, std::string_view purpose,
                          bool nodes_have_it) {
  return database_of(catalog).write("begin a rotation", [&](Transaction& tx) {
    return begin_data_key(tx, master_key, purpose, nodes_have_it);
  });
}

std::unexpected<Error> wait_for_nodes(DataKeyStep step, const std::string& code) {
  const std::string again =
      fmt::format("secret-control-plane rotate data-keys --region {} --nodes-have-keys", code);
  if (step == DataKeyStep::waits_for_export) {
    return fail(ErrorCode::conflict,
                fmt::format("region {} may have nodes: they need the new key first", code),
                fmt::format("run secret-control-plane region export-keys {} FILE, give the file to "
                            "every node and reload it (SIGHUP); then {}",
                            code, again));
  }
  return fail(ErrorCode::conflict,
              fmt::format("the new key of region {} was exported: its nodes must have it", code),
              fmt::format("give the file to every node and reload it (SIGHUP), then {}", again));
}

// One transaction looks and deletes. No value comes under a retired key of the catalog any more.
Result<void> delete_catalog_key(Catalog& catalog, const std::string& key) {
  return database_of(catalog).write("delete a retired key", [&](Transaction& tx) -> Result<void> {
    if (count_values_under_key(tx, key) > 0) {
      return fail(ErrorCode::conflict, fmt::format("values are under key {} again", key),
                  "is an older server running? Upgrade it, then run the command again");
    }
    delete_retired_key(tx, key);
    return {};
  });
}

Result<void> delete_region_key(Catalog& catalog, const std::string& key) {
  return database_of(catalog).write("delete a retired key", [&](Transaction& tx) -> Result<void> {
    delete_retired_key(tx, key);
    return {};
  });
}

// A server that has not noticed the rotation may write under the old key until the key is ended.
Result<std::int64_t> move_off_key(Database& store, const ValueCipher& cipher,
                                  const std::string& key) {
  std::int64_t sets = 0;
  for (;;) {
    auto done = reencrypt_next_set(store, cipher, key);
    if (!done) return propagate(done);
    if (*done) {
      ++sets;
      continue;
    }
    auto ended = end_data_key(store, key);
    if (!ended) return propagate(ended);
    if (*ended) return sets;
  }
}

}  // namespace

Result<DataKeyRotation> rotate_catalog_keys(Catalog& catalog, const MasterKey& master_key) {
  auto step = begin(catalog, master_key, kCatalogPurpose, false);
  if (!step) return propagate(step);
  DataKeyRotation rotation{.key = {}, .has_resumed = *step == DataKeyStep::resumed, .done = 0};
  auto retired = retired_keys(catalog, kCatalogPurpose);
  if (!retired) return propagate(retired);
  for (const std::string& key : *retired) {
    for (std::int64_t done = 1; done > 0; rotation.done += done) {
      auto some = reencrypt_some(catalog.context, key);
      if (!some) return propagate(some);
      done = *some;
    }
    if (auto deleted = delete_catalog_key(catalog, key); !deleted) return propagate(deleted);
  }
  auto cipher = KeyStore(database_of(catalog), master_key).cipher(kCatalogPurpose);
  if (!cipher) return propagate(cipher);
  rotation.key = cipher->active_key();
  return rotation;
}

Result<DataKeyRotation> rotate_region_keys(Catalog& catalog, const MasterKey& master_key,
                                           const std::string& code, bool nodes_have_it,
                                           const OpenStore& open_store) {
  const std::string purpose = data_key_purpose(code);
  auto step = begin(catalog, master_key, purpose, nodes_have_it);
  if (!step) return propagate(step);
  if (*step == DataKeyStep::waits_for_export || *step == DataKeyStep::waits_for_nodes) {
    return wait_for_nodes(*step, code);
  }
  auto store = open_store();
  if (!store) return propagate(store);
  auto cipher = KeyStore(database_of(catalog), master_key).cipher(purpose);
  if (!cipher) return propagate(cipher);
  DataKeyRotation rotation{
      .key = cipher->active_key(), .has_resumed = *step == DataKeyStep::resumed, .done = 0};
  auto retired = retired_keys(catalog, purpose);
  if (!retired) return propagate(retired);
  for (const std::string& key : *retired) {
    auto sets = move_off_key(**store, *cipher, key);
    if (!sets) return propagate(sets);
    rotation.done += *sets;
    if (auto deleted = delete_region_key(catalog, key); !deleted) return propagate(deleted);
  }
  return rotation;
}

}  // namespace agent_secrets::control_plane
