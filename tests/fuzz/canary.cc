// Fails as a target of a broken parser would: by an assertion, on an input that libFuzzer has to
// find. script/fuzz fails when this does not.
#include "core/error.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  AGENT_SECRETS_ASSERT(!agent_secrets::fuzz::text(data, size).starts_with("CAN"));
  return 0;
}
