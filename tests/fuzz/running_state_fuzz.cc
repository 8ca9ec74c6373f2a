// running.json: the injector writes it, the sidecar reads it, and anybody may have put another
// there. What the sidecar accepts, the injector could have written, and the sidecar reads that
// alike.
// Parser: sidecar/running_state.cc
#include "injector/running_state.h"
#include "sidecar/running_state.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;

namespace {

std::string written(const sidecar::RunningState& running) {
  RunningState state{.facts = {}, .source = SecretsSource::cache};
  if (!running.is_watchable) state.source = SecretsSource::env_file;
  state.facts.organization = running.organization;
  state.facts.agent = running.agent;
  state.facts.sequence = running.sequence;
  return running_json(state);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto running = sidecar::parse_running_state(fuzz::text(data, size));
  if (!running) {
    AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(running.error()));
    return 0;
  }
  AGENT_SECRETS_ASSERT(running->is_watchable == !running->agent.empty() && running->sequence >= 0);
  const auto again = sidecar::parse_running_state(written(*running));
  AGENT_SECRETS_ASSERT(again && again->is_watchable == running->is_watchable);
  AGENT_SECRETS_ASSERT(again->organization == running->organization);
  AGENT_SECRETS_ASSERT(again->agent == running->agent && again->sequence == running->sequence);
  return 0;
}
