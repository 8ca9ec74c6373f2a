// What the sidecar hears, and reads back from its state directory. What is accepted is written
// again with the same meaning, and its description is fit for a terminal.
// Parser: sidecar/watch_answer.cc
#include <boost/json.hpp>

#include "sidecar/watch_answer.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;
using namespace agent_secrets::sidecar;

namespace {

std::string written(const WatchAnswer& answer) {
  const std::string_view state = to_string(answer.state);
  boost::json::object object{{"state", boost::json::string_view(state.data(), state.size())},
                             {"running", running_json(answer)},
                             {"latest", latest_json(answer)}};
  if (!answer.organization.empty()) object["organization"] = answer.organization;
  if (!answer.agent.empty()) object["agent"] = answer.agent;
  return boost::json::serialize(object);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto answer = parse_watch_answer(fuzz::text(data, size));
  if (!answer) {
    AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(answer.error()));
    return 0;
  }
  AGENT_SECRETS_ASSERT(is_plain_text(describe_changes(*answer)));
  AGENT_SECRETS_ASSERT(is_plain_text(answer->organization) && is_plain_text(answer->agent));
  const auto again = parse_watch_answer(written(*answer));
  AGENT_SECRETS_ASSERT(again && *again == *answer);
  return 0;
}
