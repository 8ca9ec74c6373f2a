#pragma once
// The databases of a backup, in a directory, before they are put into one file.

#include <string>

#include "control-plane/backup/archive.h"
#include "control-plane/backup/manifest.h"
#include "control-plane/data.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// Reads the catalog and the regions as they are at one moment, and copies them to SQLite databases
// in the empty directory, while servers go on. Values stay encrypted as they are stored.
// ErrorCode::untrusted unless the master key is the catalog's.
Result<Manifest> stage_backup(Data& data, const std::string& directory, const Clock& clock);

// Writes what is in the directory.
Result<void> write_staged(ArchiveWriter archive, const std::string& directory,
                          const Manifest& manifest, const MasterKey& master_key);

}  // namespace agent_secrets::control_plane
