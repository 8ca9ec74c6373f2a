#include "sidecar/status.h"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/json_reader.h"
#include "core/printable.h"
#include "sidecar/state_directory.h"
#include "sidecar/watch_answer.h"

namespace agent_secrets::sidecar {
namespace {

struct Known {
  std::string json;
  WatchAnswer answer;
  std::chrono::seconds last_heard{};
};

Result<Known> read_known(const std::string& path) {
  auto directory = StateDirectory::open_existing(path);
  if (!directory) return propagate(directory);
  auto alive = directory->is_locked();
  if (!alive) return propagate(alive);
  if (!*alive)
    return fail(ErrorCode::not_found, fmt::format("no sidecar is running with {}", path));
  auto text = directory->read(kSidecarFile);
  if (!text) return propagate(text);
  if (!text->has_value())
    return fail(ErrorCode::not_found, "the sidecar has finished no request yet");
  auto answer = parse_watch_answer(**text);
  if (!answer) return propagate(answer, kSidecarFile);
  JsonDocument document(**text, kStateFileMax);
  const JsonObject root = document.root();
  const bool heard = root.has("last_heard_unix");
  const std::chrono::seconds last_heard(heard ? root.integer("last_heard_unix") : 0);
  if (!heard)
    return fail(ErrorCode::not_found, "the sidecar has not heard from the control plane yet");
  return Known{.json = std::move(**text), .answer = std::move(*answer), .last_heard = last_heard};
}

int exit_code(WatchState state) {
  switch (state) {
    case WatchState::current:
      return kExitCurrent;
    case WatchState::stale:
      return kExitStale;
    case WatchState::superseded:
      return kExitSuperseded;
    default:
      return kExitUnknown;
  }
}

std::string unknown_line(const Error& error, bool json) {
  if (!json) return fmt::format("unknown: {}\n", printable(error.message));
  const boost::json::object object{{"schema", 1}, {"state", "unknown"}, {"reason", error.message}};
  return printable_json(boost::json::serialize(object)) + "\n";
}

std::string known_line(const Known& known, std::chrono::milliseconds unix_now) {
  std::string text(to_string(known.answer.state));
  const std::string changes = describe_changes(known.answer);
  if (exit_code(known.answer.state) != kExitCurrent && !changes.empty())
    text += ": " + printable(changes);
  const auto age = std::chrono::floor<std::chrono::seconds>(unix_now) - known.last_heard;
  return text + fmt::format(" (heard {} s ago)\n", std::max<std::int64_t>(age.count(), 0));
}

}  // namespace

StatusReport report_status(const StatusOptions& options, std::chrono::milliseconds unix_now) {
  const auto known = read_known(options.state_directory);
  if (!known) return {.line = unknown_line(known.error(), options.json)};
  return {.exit_code = exit_code(known->answer.state),
          .state = known->answer.state,
          .line = options.json ? printable_json(known->json) + "\n" : known_line(*known, unix_now)};
}

}  // namespace agent_secrets::sidecar
