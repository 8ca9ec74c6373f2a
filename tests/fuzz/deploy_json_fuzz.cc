// The body of a deploy. What is accepted can be shown by the CLI, whose terminal takes square
// brackets for markup, and its settings are JSON.
// Parser: control-plane/rest-api/deploy_json.cc
#include <boost/json/parse.hpp>

#include "control-plane/rest-api/deploy_json.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;
using namespace agent_secrets::control_plane;

namespace {

bool is_showable(std::string_view text) {
  return is_plain_text(text) && text.find_first_of("[]") == std::string_view::npos;
}

bool is_showable(const std::optional<std::string>& text) {
  return !text || is_showable(std::string_view(*text));
}

void check(const DeployRequest& request) {
  AGENT_SECRETS_ASSERT(!request.agent.empty() && is_showable(std::string_view(request.agent)));
  AGENT_SECRETS_ASSERT(is_showable(request.image) && is_showable(request.region));
  AGENT_SECRETS_ASSERT(is_showable(request.secret_set));
  AGENT_SECRETS_ASSERT(is_showable(request.image_pull_secret_set));
  AGENT_SECRETS_ASSERT(!request.image || !request.image->empty());
  AGENT_SECRETS_ASSERT(!request.min_agents || *request.min_agents >= 0);
  AGENT_SECRETS_ASSERT(!request.max_agents || *request.max_agents >= 1);
  for (const auto& [name, value] : request.settings) {
    if (!value) continue;
    boost::system::error_code error;
    (void)boost::json::parse(*value, error);
    AGENT_SECRETS_ASSERT(!error && is_showable(std::string_view(*value)));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto request = parse_deploy(fuzz::text(data, size), "");
  if (request) {
    check(*request);
  } else {
    AGENT_SECRETS_ASSERT(request.error().code == ErrorCode::invalid);
  }
  return 0;
}
