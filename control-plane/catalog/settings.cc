#include "control-plane/catalog/settings.h"

#include <fmt/format.h>

#include "control-plane/catalog/audit.h"
#include "control-plane/catalog/context.h"

namespace agent_secrets::control_plane {

namespace {

void write(Transaction& tx, std::string_view name, std::string_view value) {
  tx.execute(
      "INSERT INTO settings (name, value) VALUES (?1, ?2)"
      " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      name, value);
}

}  // namespace

Result<void> Settings::change(const Actor& actor, std::string_view action, std::string_view name,
                              std::string_view value) {
  return context_.database->write("change setting", [&](Transaction& tx) -> Result<void> {
    write(tx, name, value);
    record(tx, context_, actor, {.action = action, .object = fmt::format("setting {}", name)});
    return {};
  });
}

Result<void> Settings::put(std::string_view name, std::string_view value) {
  // A server must start when the disk is full. At every start it puts settings that have not
  // changed, and for these nothing is written.
  auto there = find(name);
  if (there && *there == value) return {};
  return context_.database->write("put setting", [&](Transaction& tx) -> Result<void> {
    write(tx, name, value);
    return {};
  });
}

Result<std::optional<std::string>> Settings::find(std::string_view name) {
  return context_.database->read(
      "find setting", [&](Transaction& tx) -> Result<std::optional<std::string>> {
        const Rows rows = tx.query("SELECT value FROM settings WHERE name = ?1", name);
        if (rows.empty()) return std::nullopt;
        return rows.front().text("value");
      });
}

}  // namespace agent_secrets::control_plane
