#include "control-plane/catalog/bearer.h"

#include <string>

#include <sodium.h>

#include "core/encoding.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::size_t kRandomBytes = 32;

}  // namespace

SecretBuffer mint_bearer(std::string_view prefix) {
  std::string text = std::string(prefix) + random_token(kRandomBytes);
  SecretBuffer bearer = SecretBuffer::copy_of(text);
  wipe_memory(text.data(), text.size());
  return bearer;
}

BearerHash hash_bearer(std::string_view text) {
  BearerHash hash{};
  static_assert(hash.size() == crypto_hash_sha256_BYTES);
  const auto bytes = as_bytes(text);
  crypto_hash_sha256(hash.data(), bytes.data(), bytes.size());
  return hash;
}

}  // namespace agent_secrets::control_plane
