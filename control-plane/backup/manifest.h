#pragma once
// What a backup says about itself: the file manifest.json in it (backup/archive.h).
//
// Each part is a SQLite database with the tables of the catalog or of a region, whatever the
// database was that was backed up. So a backup of PostgreSQL can be restored into a data directory,
// and the other way round, and a later version migrates the parts as it migrates a data directory.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace agent_secrets::control_plane {

inline constexpr std::string_view kManifestFile = "manifest.json";
inline constexpr std::string_view kCatalogPart = "catalog.db";
std::string region_part(std::string_view code);  // "region-CODE.db"

struct BackupPart {
  std::string file;
  int schema = 0;  // the number of the last migration
  std::uint64_t bytes = 0;
  std::string sha256;                        // hexadecimal
  std::map<std::string, std::int64_t> rows;  // by table
};

struct Manifest {
  std::string program;               // the version that made the backup
  std::chrono::milliseconds time{};  // Unix time; what was done before it is in the backup
  std::int64_t organizations = 0;
  std::int64_t sets = 0;
  std::int64_t agents = 0;
  std::vector<BackupPart> parts;           // the catalog first
  std::vector<std::string> other_regions;  // in databases of their own, and not in the backup

  // The codes of the regions that have a part.
  [[nodiscard]] std::vector<std::string> regions() const;
};

std::string manifest_text(const Manifest& manifest);
// ErrorCode::invalid for a manifest of a newer format, and for one that makes no sense.
Result<Manifest> parse_manifest(std::string_view text);

}  // namespace agent_secrets::control_plane
