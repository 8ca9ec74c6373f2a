#pragma once
// A backup that is checked and unpacked: what `backup verify` reports, and `restore` copies.

#include <memory>
#include <string>

#include "control-plane/backup/manifest.h"
#include "control-plane/keys/master_key.h"
#include "control-plane/store_place.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct UnpackedBackup {
  Manifest manifest;
  std::unique_ptr<StorePlace> place;  // the directory, as a data directory of this version
};

// Unpacks into the empty directory, which must outlive the object, and checks, in this order: the
// checksum of the file, its seal, the checksum of each part, SQLite's structures, the references
// between tables, the number of rows in each table, and that the master key decrypts every key.
// Without a master key it leaves the seal and the keys out. A backup of an older version is
// migrated.
Result<UnpackedBackup> unpack_backup(const std::string& file, const std::string& directory,
                                     const MasterKey* master_key);

}  // namespace agent_secrets::control_plane
