#include "sidecar/redeploy_flag.h"

#include <optional>

#include <boost/json.hpp>

#include "core/clock.h"

namespace agent_secrets::sidecar {

Result<void> RedeployFlag::begin(std::string_view organization, std::string_view agent,
                                 std::int64_t running_sequence) {
  auto text = directory_.read(kFlagFile);
  if (!text) return propagate(text, "redeploy flag");
  if (!text->has_value()) return {};
  const auto flagged = parse_watch_answer(**text);
  if (flagged && flagged->organization == organization && flagged->agent == agent &&
      flagged->running && flagged->running->sequence == running_sequence) {
    return {};
  }
  return directory_.remove(kFlagFile);
}

Result<void> RedeployFlag::update(const Knowledge& knowledge) {
  const WatchState state = knowledge.answer.state;
  if (state == WatchState::unknown) return {};
  const bool raised = state == WatchState::stale || state == WatchState::superseded;
  const auto wanted = raised ? std::optional(redeploy_json(knowledge)) : std::nullopt;
  // Compare with the file, not with the last write: a starting instance removes the flag.
  const auto standing = directory_.read(kFlagFile);
  if (standing && *standing == wanted) return {};
  auto done = wanted ? directory_.write(kFlagFile, *wanted) : directory_.remove(kFlagFile);
  if (!done) return propagate(done, "redeploy flag");
  return {};
}

std::string redeploy_json(const Knowledge& knowledge) {
  const std::string_view state = to_string(knowledge.answer.state);
  boost::json::object object;
  object["schema"] = 1;
  object["state"] = boost::json::string_view(state.data(), state.size());
  object["organization"] = text_or_null(knowledge.answer.organization);
  object["agent"] = text_or_null(knowledge.answer.agent);
  object["since"] = format_timestamp(knowledge.since);
  object["running"] = running_json(knowledge.answer);
  object["latest"] = latest_json(knowledge.answer);
  return boost::json::serialize(object);
}

}  // namespace agent_secrets::sidecar
