// The bytes of a JWS before its signature is known to be good: every key id is known here, so the
// checks run to the end. Ed25519 signs without chance, so that whatever verifies must be, byte for
// byte, what the key's owner would have written.
// Parser: core/jws.cc core/encoding.cc
#include "core/encoding.h"
#include "core/jws.h"
#include "core/test_keys.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;

namespace {

constexpr std::string_view kType = "agent-secrets-bundle";

Result<VerifiedJws> verify(std::string_view compact, const SigningKey& key) {
  return verify_jws(compact, kType,
                    [&](std::string_view) { return std::optional(key.public_key()); });
}

void check_raw(std::string_view compact, const SigningKey& key) {
  const auto jws = verify(compact, key);
  if (!jws) {
    AGENT_SECRETS_ASSERT(jws.error().code == ErrorCode::untrusted);
    AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(jws.error()));
    return;
  }
  AGENT_SECRETS_ASSERT(sign_jws(jws->kid, kType, as_text(jws->payload), key) == compact);
}

// The input as a payload: it comes back whole, and not once a bit of the text has changed.
void check_signed(std::string_view payload, const SigningKey& key) {
  std::string compact = sign_jws("rk_1", kType, payload, key);
  const auto jws = verify(compact, key);
  AGENT_SECRETS_ASSERT(jws && as_text(jws->payload) == payload);
  const std::size_t hash = std::hash<std::string_view>()(payload);
  compact[hash % compact.size()] ^= static_cast<char>(1 << (hash >> 32) % 8);
  AGENT_SECRETS_ASSERT(!verify(compact, key));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::text(data, size);
  static const SigningKey key = test::region_key();
  check_raw(input, key);
  check_signed(input, key);
  return 0;
}
