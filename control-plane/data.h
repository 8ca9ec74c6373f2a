#pragma once
// Finds and opens what --data-dir or --database names, together with the master key. For a region
// node: finds the region's store and its keys.
//
// Threads: one at a time.

#include <functional>
#include <memory>
#include <string>

#include "control-plane/keys/master_key.h"
#include "control-plane/keys/region_keys.h"
#include "control-plane/options.h"
#include "control-plane/store_place.h"
#include "control-plane/stores.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct Data {
  std::unique_ptr<StorePlace> place;
  MasterKey master_key;
};

// For options that have a database.
PostgresPlace postgres_place_of(const DataOptions& options);
// Nothing is opened yet. ErrorCode::invalid for a URL that parse_postgres_url() refuses.
Result<std::unique_ptr<StorePlace>> place_of(const DataOptions& options);
// The master key, and the previous one if the options name it. Call it once, before there are
// threads (MasterKey::load).
Result<MasterKey> load_master_key(const DataOptions& options);
// The place and the master key. Call it once, before there are threads (MasterKey::load).
Result<Data> find_data(const DataOptions& options);
// For a command: the stores are used beside those that servers have open.
// Prints on standard error which regions cannot be reached.
Result<Stores> open_data(const DataOptions& options, const Clock& clock);

// Finds the store of `only_region` and the region's keys. Call it once, before there are threads
// (load_region_keys).
struct NodeData {
  std::unique_ptr<StorePlace> place;
  RegionKeys keys;
  std::function<Result<RegionKeys>()> load;  // reads the file again; empty for the variable
};
Result<NodeData> find_node_data(const DataOptions& options);

}  // namespace agent_secrets::control_plane
