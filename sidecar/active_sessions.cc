#include "sidecar/active_sessions.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/json_reader.h"
#include "core/limits.h"
#include "core/shared_names.h"

namespace agent_secrets::sidecar {
namespace {

struct Count {
  std::int64_t sessions = 0;
  bool by_process = false;
};

Result<Count> parse(std::string_view text, std::string_view name) {
  JsonDocument document(text, kStateFileMax);
  const JsonObject root = document.root();
  const Count count{.sessions = root.integer("active_sessions"),
                    .by_process = root.has("by_process")};
  if (auto read = document.finish(); !read) return propagate(read, name);
  if (count.sessions < 0 || count.sessions > limits::kActiveSessionsMax) {
    return fail(ErrorCode::invalid, fmt::format("{}: {} sessions", name, count.sessions));
  }
  return count;
}

// sessions.NAME.json, and not sessions.json.
bool is_of_process(std::string_view name) {
  constexpr std::string_view kStart = kProcessSessionsStart;
  constexpr std::string_view kEnd = kProcessSessionsEnd;
  return name.size() > kStart.size() + kEnd.size() && name.starts_with(kStart) &&
         name.ends_with(kEnd);
}

Result<std::int64_t> sum_of_processes(StateDirectory& directory) {
  const auto names = directory.names();
  if (!names) return std::unexpected(names.error());
  std::int64_t sum = 0;
  for (const std::string& name : *names) {
    if (!is_of_process(name)) continue;
    auto text = directory.read_of_living(name);
    if (!text) return propagate(text);
    if (!text->has_value()) continue;
    const auto count = parse(**text, name);
    if (!count) return std::unexpected(count.error());
    sum = std::min(sum + count->sessions, limits::kActiveSessionsMax);
  }
  return sum;
}

}  // namespace

Result<std::int64_t> read_active_sessions(StateDirectory& directory) {
  auto sum = sum_of_processes(directory);
  if (!sum) return propagate(sum);
  auto text = directory.read(kSessionsFile);
  if (!text) return propagate(text);
  if (!text->has_value()) return *sum;
  const auto own = parse(**text, kSessionsFile);
  if (!own) return std::unexpected(own.error());
  return own->by_process ? *sum : std::min(*sum + own->sessions, limits::kActiveSessionsMax);
}

}  // namespace agent_secrets::sidecar
