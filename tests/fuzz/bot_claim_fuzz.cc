// bot.json: a start writes it, a later start reads it, and anybody who may write to the state
// directory may have put another there. What is accepted can be written and read again, and names a
// process that can exist.
// Parser: injector/bot_claim.cc
#include "injector/bot_claim.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto claim = parse_claim(fuzz::text(data, size));
  if (!claim) {
    AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(claim.error()));
    return 0;
  }
  AGENT_SECRETS_ASSERT(claim->process.pid > 0);
  const auto again = parse_claim(claim_json(*claim));
  AGENT_SECRETS_ASSERT(again && again->process == claim->process);
  AGENT_SECRETS_ASSERT(again->has_sidecar == claim->has_sidecar);
  AGENT_SECRETS_ASSERT(again->has_files == claim->has_files);
  return 0;
}
