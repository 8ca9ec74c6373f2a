#include "control-plane/commands/staged_backup.h"

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>

#include "control-plane/commands/place_tables.h"
#include "control-plane/database/migrations.h"
#include "control-plane/keys/check_master_key.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

namespace fs = std::filesystem;

std::int64_t count(Transaction& tx, const Sql& sql) {
  return tx.query(sql).front().integer("count");
}

void count_objects(Transaction& tx, Manifest& manifest) {
  manifest.organizations =
      count(tx, "SELECT count(*) AS count FROM organizations WHERE removed_at IS NULL");
  manifest.sets = count(tx, "SELECT count(*) AS count FROM sets");
  manifest.agents = count(tx, "SELECT count(*) AS count FROM agents WHERE deleted = 0");
}

void list_other_regions(Transaction& tx, const StorePlace& place, Manifest& manifest) {
  for (const Row row : tx.query("SELECT code FROM regions WHERE removed_at IS NULL")) {
    const std::string code = row.text("code");
    if (place.region_database(code)) manifest.other_regions.push_back(code);
  }
}

Result<UniqueFd> open_part(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.is_open()) return file;
  return fail(ErrorCode::failed, fmt::format("open {}: {}", path, errno_message(errno)));
}

Result<BackupPart> describe_part(const std::string& directory, std::string file,
                                 const Migrations& migrations, RowCounts rows) {
  const std::string path = fmt::format("{}/{}", directory, file);
  std::error_code error;
  // SQLite leaves the log when it could not write the last pages into the database.
  if (fs::exists(path + "-wal", error)) {
    return fail(ErrorCode::failed, fmt::format("write {}: its log is not empty", path));
  }
  auto opened = open_part(path);
  if (!opened) return propagate(opened);
  const std::uint64_t bytes = fs::file_size(path, error);
  if (error) return fail(ErrorCode::failed, fmt::format("stat {}: {}", path, error.message()));
  auto sum = sum_of_file(opened->get(), bytes, path);
  if (!sum) return propagate(sum);
  return BackupPart{.file = std::move(file),
                    .schema = static_cast<int>(migrations.sqlite.size()),
                    .bytes = bytes,
                    .sha256 = std::move(*sum),
                    .rows = std::move(rows)};
}

Result<void> describe_parts(const std::vector<CopiedPart>& copied, const std::string& directory,
                            Manifest& manifest) {
  for (const CopiedPart& part : copied) {
    const bool is_catalog = !part.region;
    auto described =
        describe_part(directory, is_catalog ? std::string(kCatalogPart) : region_part(*part.region),
                      is_catalog ? catalog_migrations() : region_migrations(), part.rows);
    if (!described) return propagate(described);
    manifest.parts.push_back(std::move(*described));
  }
  return {};
}

}  // namespace

Result<Manifest> stage_backup(Data& data, const std::string& directory, const Clock& clock) {
  // Before the moment, so that nothing is done between the two and then not done again.
  Manifest manifest{.program = AGENT_SECRETS_VERSION,
                    .time = clock.unix_time(),
                    .parts = {},
                    .other_regions = {}};
  auto source = read_source(*data.place);
  if (!source) return propagate(source);
  auto counted = guarded("read the catalog", [&] {
    Transaction& tx = source->catalog->transaction();
    count_objects(tx, manifest);
    list_other_regions(tx, *data.place, manifest);
    return check_master_key(tx, data.master_key);
  });
  if (!counted) return propagate(counted);
  if (source->regions.size() >= limits::kBackupParts) {
    return fail(
        ErrorCode::too_large,
        fmt::format("there are more regions than a backup can have ({})", limits::kBackupParts - 1),
        "back up the database with its own tools (docs/OPERATIONS.md, Backups)");
  }
  auto copied = copy_place(*source, *data_directory_place(directory));
  if (!copied) return propagate(copied);
  if (auto done = describe_parts(*copied, directory, manifest); !done) return propagate(done);
  return manifest;
}

Result<void> write_staged(ArchiveWriter archive, const std::string& directory,
                          const Manifest& manifest, const MasterKey& master_key) {
  auto written = archive.add(kManifestFile, manifest_text(manifest));
  for (const BackupPart& part : manifest.parts) {
    if (!written) return written;
    auto file = open_part(fmt::format("{}/{}", directory, part.file));
    if (!file) return propagate(file);
    written = archive.add_file(part.file, file->get(), part.bytes);
  }
  if (!written) return written;
  return archive.finish(master_key);
}

}  // namespace agent_secrets::control_plane
