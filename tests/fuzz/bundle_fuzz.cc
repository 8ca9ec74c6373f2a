// The payload of a bundle and the block inside: what a control plane that has gone wrong could sign
// and seal.
#include <sodium.h>

#include "core/bundle.h"
#include "core/environment_block.h"

using namespace agent_secrets;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  [[maybe_unused]] static const int initialised = sodium_init();
  static constexpr std::array<std::uint8_t, 32> kSeed{};
  static const auto region_key = SigningKey::from_seed(kSeed);
  static const CredentialIdentity identity{
      .urls = {"https://secrets.example"},
      .organization = "acme",
      .agent = "bot",
      .kid = "ak_1",
      .verification_keys = {{.kid = "rk_1", .key = region_key.public_key()}},
      .ca_pem = {}};
  const std::string_view payload(reinterpret_cast<const char*>(data), size);
  const auto bundle = verify_bundle(sign_jws("rk_1", kBundleType, payload, region_key), identity);
  if (!bundle) return 0;
  BoxKey box{.public_key = {}, .secret_key = SecretBuffer(32)};
  (void)open_bundle(*bundle, box);
  return 0;
}
