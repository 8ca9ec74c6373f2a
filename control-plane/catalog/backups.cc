#include "control-plane/catalog/backups.h"

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "control-plane/catalog/settings.h"
#include "control-plane/database/transaction.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kLastBackup = "last_backup";  // milliseconds of Unix time

Result<std::optional<std::chrono::milliseconds>> parse_time(
    const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  std::int64_t milliseconds = 0;
  const char* const end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, milliseconds);
  if (parsed.ec == std::errc() && parsed.ptr == end) {
    return std::chrono::milliseconds(milliseconds);
  }
  return fail(ErrorCode::failed, "the time of the last backup is not a number");
}

}  // namespace

Result<void> record_backup(Settings& settings, const Actor& actor,
                           std::chrono::milliseconds unix_time) {
  return settings.change(actor, "backup.create", kLastBackup, std::to_string(unix_time.count()));
}

Result<std::optional<std::chrono::milliseconds>> find_last_backup(Settings& settings) {
  auto text = settings.find(kLastBackup);
  if (!text) return propagate(text);
  return parse_time(*text);
}

Result<std::optional<std::chrono::milliseconds>> find_last_backup(Transaction& tx) {
  const Rows rows = tx.query("SELECT value FROM settings WHERE name = ?1", kLastBackup);
  if (rows.empty()) return std::nullopt;
  return parse_time(rows.front().text("value"));
}

}  // namespace agent_secrets::control_plane
