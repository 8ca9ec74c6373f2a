#include "sidecar/knowledge.h"

#include <boost/json.hpp>

#include "core/clock.h"

namespace agent_secrets::sidecar {

std::string to_json(const Knowledge& knowledge, int pid) {
  const std::string_view state = to_string(knowledge.answer.state);
  boost::json::object object;
  object["schema"] = 1;
  object["state"] = boost::json::string_view(state.data(), state.size());
  object["since"] = format_timestamp(knowledge.since);
  object["organization"] = text_or_null(knowledge.answer.organization);
  object["agent"] = text_or_null(knowledge.answer.agent);
  object["instance"] = knowledge.instance;
  object["active_sessions"] = knowledge.active_sessions;
  object["running_sequence"] = knowledge.running_sequence;
  object["running"] = running_json(knowledge.answer);
  object["latest"] = latest_json(knowledge.answer);
  object["last_heard"] = nullptr;
  object["last_heard_unix"] = nullptr;
  if (knowledge.last_heard) {
    object["last_heard"] = format_timestamp(*knowledge.last_heard);
    object["last_heard_unix"] =
        std::chrono::floor<std::chrono::seconds>(*knowledge.last_heard).count();
  }
  object["last_error"] = knowledge.last_error;
  object["reconnects"] = knowledge.reconnects;
  object["errors"] = knowledge.errors;
  object["pid"] = pid;
  return boost::json::serialize(object);
}

}  // namespace agent_secrets::sidecar
