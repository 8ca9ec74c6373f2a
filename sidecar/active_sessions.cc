#include "sidecar/active_sessions.h"

#include <fmt/format.h>

#include "core/json_reader.h"

namespace agent_secrets::sidecar {
namespace {

constexpr std::int64_t kSessionsMax = 1'000'000;

}  // namespace

Result<std::int64_t> read_active_sessions(const StateDirectory& directory) {
  auto text = directory.read(kSessionsFile);
  if (!text) return propagate(text);
  if (!text->has_value()) return 0;
  JsonDocument document(**text, kStateFileMax);
  const std::int64_t sessions = document.root().integer("active_sessions");
  if (auto read = document.finish(); !read) return propagate(read, kSessionsFile);
  if (sessions < 0 || sessions > kSessionsMax) {
    return fail(ErrorCode::invalid, fmt::format("{}: {} sessions", kSessionsFile, sessions));
  }
  return sessions;
}

}  // namespace agent_secrets::sidecar
