// The bytes of a JWS before its signature is known to be good: every key is known here, so the
// checks run to the end.
#include <sodium.h>

#include "core/jws.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  [[maybe_unused]] static const int initialised = sodium_init();
  static constexpr std::array<std::uint8_t, 32> kSeed{};
  static const auto key = agent_secrets::SigningKey::from_seed(kSeed);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)agent_secrets::verify_jws(text, "agent-secrets-bundle",
                                  [](std::string_view) { return std::optional(key.public_key()); });
  return 0;
}
