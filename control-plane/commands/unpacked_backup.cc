#include "control-plane/commands/unpacked_backup.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "control-plane/backup/archive.h"
#include "control-plane/commands/place_tables.h"
#include "control-plane/keys/check_master_key.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

// The checksums are right: so the program that made the backup read a damaged database.
std::unexpected<Error> damaged_part(const BackupPart& part, std::string_view why) {
  return fail(ErrorCode::untrusted, fmt::format("{}: {}", part.file, why),
              "the database was damaged before the backup was made: use an older backup");
}

Result<void> check_tables(Tables& tables, const BackupPart& part) {
  if (tables.schema_version() != part.schema) return damaged_part(part, "another schema");
  for (const Row row : tables.transaction().query("PRAGMA integrity_check")) {
    const std::string found = row.text("integrity_check");
    if (found != "ok") return damaged_part(part, found);
  }
  if (!tables.transaction().query("PRAGMA foreign_key_check").empty()) {
    return damaged_part(part, "a row refers to another one that is not there");
  }
  auto rows = count_rows(tables, tables_left_out());
  if (!rows) return propagate(rows);
  if (*rows != part.rows) return damaged_part(part, "the numbers of rows differ");
  return {};
}

Result<void> unpack_part(const Archive& archive, const Archive::Entry& entry,
                         const BackupPart& part, const std::string& path) {
  if (entry.name != part.file || entry.size != part.bytes) {
    return damaged_part(part, "the manifest is of another backup");
  }
  auto sum = archive.extract(entry, path);
  if (!sum) return propagate(sum);
  if (*sum != part.sha256) return damaged_part(part, "its checksum is wrong");
  auto tables = open_sqlite_tables(path);
  if (!tables) return propagate(tables);
  return guarded("read " + part.file, [&] { return check_tables(**tables, part); });
}

Result<Manifest> unpack(const Archive& archive, const std::string& directory) {
  const auto& entries = archive.entries();
  auto text = archive.read(entries.front(), limits::kBackupManifest);
  if (!text) return propagate(text);
  auto manifest = parse_manifest(*text);
  if (!manifest) return manifest;
  if (entries.size() != manifest->parts.size() + 1) {
    return fail(ErrorCode::untrusted, "the manifest is of another backup");
  }
  for (std::size_t i = 0; i < manifest->parts.size(); ++i) {
    const BackupPart& part = manifest->parts[i];
    auto unpacked =
        unpack_part(archive, entries[i + 1], part, fmt::format("{}/{}", directory, part.file));
    if (!unpacked) return propagate(unpacked);
  }
  return manifest;
}

// Opening migrates.
Result<void> open_all(StorePlace& place, const Manifest& manifest, const MasterKey* master_key) {
  auto catalog = place.open_catalog();
  if (!catalog) return propagate(catalog);
  for (const std::string& code : manifest.regions()) {
    if (auto region = place.open_region(code); !region) return propagate(region);
  }
  if (master_key == nullptr) return {};
  return (*catalog)->read("keys",
                          [&](Transaction& tx) { return check_master_key(tx, *master_key); });
}

}  // namespace

Result<UnpackedBackup> unpack_backup(const std::string& file, const std::string& directory,
                                     const MasterKey* master_key) {
  auto archive = Archive::open(file);
  if (!archive) return propagate(archive);
  if (master_key != nullptr) {
    if (auto sealed = archive->check_seal(*master_key); !sealed) return propagate(sealed);
  }
  auto manifest = unpack(*archive, directory);
  if (!manifest) return propagate(manifest, file);
  UnpackedBackup backup{.manifest = std::move(*manifest), .place = data_directory_place(directory)};
  if (auto opened = open_all(*backup.place, backup.manifest, master_key); !opened) {
    return propagate(opened, file);
  }
  return backup;
}

}  // namespace agent_secrets::control_plane
