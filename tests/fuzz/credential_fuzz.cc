// Credentials come from a file or a variable that anybody may have edited.
#include <sodium.h>

#include "core/credential.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  [[maybe_unused]] static const int initialised = sodium_init();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)agent_secrets::parse_agent_credential(text);
  (void)agent_secrets::parse_watch_credential(text);
  return 0;
}
