#include "control-plane/backup/manifest.h"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "core/clock.h"
#include "core/json_reader.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

constexpr std::int64_t kFormat = 1;
constexpr std::int64_t kSchemaMax = 100'000;
constexpr std::int64_t kTimeMax = 253'402'300'799'999;  // the end of the year 9999
constexpr std::string_view kBefore = "region-";
constexpr std::string_view kAfter = ".db";

bool is_region_part(std::string_view file) {
  if (!file.starts_with(kBefore) || !file.ends_with(kAfter)) return false;
  const std::string_view code =
      file.substr(kBefore.size(), file.size() - kBefore.size() - kAfter.size());
  return !code.empty() && std::ranges::all_of(code, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

json::object part_json(const BackupPart& part) {
  json::array tables;
  for (const auto& [table, rows] : part.rows) {
    tables.push_back(json::object{{"name", table}, {"rows", rows}});
  }
  return {{"file", part.file},
          {"schema", part.schema},
          {"bytes", part.bytes},
          {"sha256", part.sha256},
          {"tables", std::move(tables)}};
}

std::int64_t bounded(const JsonObject& object, std::string_view name, std::int64_t most) {
  const std::int64_t number = object.integer(name);
  if (number <= most) return number;
  object.refuse(name, "too large");
  return 0;
}

BackupPart read_part(const JsonObject& object) {
  BackupPart part{.file = std::string(object.name_text("file", limits::kWireName)),
                  .schema = static_cast<int>(bounded(object, "schema", kSchemaMax)),
                  .bytes = static_cast<std::uint64_t>(object.integer("bytes")),
                  .sha256 = std::string(object.name_text("sha256", limits::kWireName)),
                  .rows = {}};
  for (const JsonObject& table : object.objects("tables", limits::kBackupTables)) {
    part.rows.emplace(table.name_text("name", limits::kWireName), table.integer("rows"));
  }
  return part;
}

void check_parts(const JsonObject& root, const std::vector<BackupPart>& parts) {
  const auto regions = std::ranges::subrange(parts.begin() + (parts.empty() ? 0 : 1), parts.end());
  const bool known = !parts.empty() && parts.front().file == kCatalogPart &&
                     std::ranges::all_of(regions, is_region_part, &BackupPart::file);
  if (!known) root.refuse("parts", "not a catalog and its regions");
}

}  // namespace

std::string region_part(std::string_view code) {
  return fmt::format("{}{}{}", kBefore, code, kAfter);
}

std::vector<std::string> Manifest::regions() const {
  std::vector<std::string> codes;
  for (const BackupPart& part : parts) {
    if (!is_region_part(part.file)) continue;
    codes.push_back(
        part.file.substr(kBefore.size(), part.file.size() - kBefore.size() - kAfter.size()));
  }
  return codes;
}

std::string manifest_text(const Manifest& manifest) {
  json::array parts;
  for (const BackupPart& part : manifest.parts) parts.push_back(part_json(part));
  return json::serialize(json::object{
             {"format", kFormat},
             {"program", manifest.program},
             {"time", format_timestamp(manifest.time)},
             {"unixMilliseconds", manifest.time.count()},
             {"organizations", manifest.organizations},
             {"sets", manifest.sets},
             {"agents", manifest.agents},
             {"parts", std::move(parts)},
             {"regionsElsewhere",
              json::array(manifest.other_regions.begin(), manifest.other_regions.end())}}) +
         "\n";
}

Result<Manifest> parse_manifest(std::string_view text) {
  JsonDocument document(text, limits::kBackupManifest);
  const JsonObject root = document.root();
  if (root.integer("format") > kFormat) {
    return fail(ErrorCode::invalid, "the backup was made by a newer version",
                "use the version that made it, or a later one");
  }
  Manifest manifest{.program = std::string(root.name_text("program", limits::kWireName)),
                    .time = std::chrono::milliseconds(bounded(root, "unixMilliseconds", kTimeMax)),
                    .organizations = root.integer("organizations"),
                    .sets = root.integer("sets"),
                    .agents = root.integer("agents"),
                    .parts = {},
                    .other_regions = {}};
  for (const JsonObject& part : root.objects("parts", limits::kBackupParts)) {
    manifest.parts.push_back(read_part(part));
  }
  check_parts(root, manifest.parts);
  for (const auto code : root.texts("regionsElsewhere", limits::kBackupParts, limits::kWireName)) {
    manifest.other_regions.emplace_back(code);
  }
  if (auto read = document.finish(); !read) return propagate(read, std::string(kManifestFile));
  return manifest;
}

}  // namespace agent_secrets::control_plane
