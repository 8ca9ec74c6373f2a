#include "sidecar/running_state.h"

#include "core/json_reader.h"
#include "core/limits.h"

namespace agent_secrets::sidecar {

Result<RunningState> parse_running_state(std::string_view json) {
  JsonDocument document(json, kStateFileMax);
  const JsonObject root = document.root();
  RunningState running;
  // An env file has no names and no sequence.
  running.is_watchable = root.optional_name_text("source", limits::kWireName) != "env-file";
  if (running.is_watchable) {
    running.organization = root.name_text("organization", limits::kWireName);
    running.agent = root.name_text("agent", limits::kWireName);
    running.sequence = root.integer("sequence");
  }
  if (auto read = document.finish(); !read) return propagate(read, kRunningFile);
  return running;
}

Result<std::optional<RunningState>> read_running_state(const StateDirectory& directory) {
  auto text = directory.read(kRunningFile);
  if (!text) return propagate(text);
  if (!text->has_value()) return std::nullopt;
  auto running = parse_running_state(**text);
  if (!running) return propagate(running);
  return std::move(*running);
}

}  // namespace agent_secrets::sidecar
