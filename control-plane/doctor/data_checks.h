#pragma once
// The doctor's checks of the data. All but the last two read the catalog in one transaction, as it
// is at one moment (StorePlace::read_tables), and change nothing.
//
// Threads: one.

#include <chrono>
#include <string>

#include "control-plane/database/transaction.h"
#include "control-plane/keys/master_key.h"
#include "control-plane/store_place.h"
#include "core/check_report.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// `schema`: this version knows the catalog's schema, and those of the regions beside it.
Step check_schema(StorePlace& place, Result<PlaceTables>& tables);
// `master-key`: it opens every key of the catalog.
Step check_master_key_step(Transaction& catalog, const Result<MasterKey>& master_key);
// `keys`: no rotation has begun and not ended.
Step check_keys(Transaction& catalog);
// `clock`: this host's, at `unix_time`, against the database's.
Step check_clock(Transaction& catalog, std::chrono::milliseconds unix_time);
// `leases`: a process provisions each region.
Step check_leases(Transaction& catalog);
// `backup`: the age of the last one.
Step check_backup(Transaction& catalog, std::chrono::milliseconds unix_time);

// `regions`: the store of each region can be opened.
Step check_regions(StorePlace& place, const PlaceTables& tables);
// `notices`: PostgreSQL delivers them to a process on this host, so that servers do not depend on
// looking once a second. For a place whose schema this version knows.
Step check_notices(StorePlace& place);

}  // namespace agent_secrets::control_plane
