#include "injector/keygen.h"

#include <algorithm>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <sodium.h>

#include "core/credential.h"
#include "core/encoding.h"
#include "core/secret_buffer.h"
#include "core/write_file.h"

namespace agent_secrets {
namespace {

// Computed from the public key, so a seed has the same key id in every control plane. Without the
// prefix it could begin with '-', and a command would take it for an option.
std::string key_id_of(const CredentialPublicKeys& keys) {
  std::array<std::uint8_t, crypto_generichash_BYTES_MIN> hash{};
  crypto_generichash(hash.data(), hash.size(), keys.signing.data(), keys.signing.size(), nullptr,
                     0);
  return "ak_" + base64url_encode(hash);
}

Result<void> write_seed(const std::string& path, std::span<const std::uint8_t, 32> seed) {
  const SecretBuffer credential = agent_credential_text({}, seed);
  const std::string_view text = credential.expose_text();
  const std::string_view last_part = text.substr(text.rfind('.') + 1);
  SecretBuffer line(last_part.size() + 1);
  std::ranges::copy(last_part, line.expose().begin());
  line.expose().back() = '\n';
  auto written = create_private_file(path, line.expose_text());
  if (!written && written.error().code == ErrorCode::conflict) {
    written.error().hint = "choose a file that does not exist yet";
  }
  return written;
}

}  // namespace

Result<std::string> generate_key(const std::string& seed_path) {
  SecretBuffer seed(32);
  randombytes_buf(seed.expose().data(), seed.size());
  const auto seed_bytes = std::span<const std::uint8_t, 32>(seed.expose());
  if (auto written = write_seed(seed_path, seed_bytes); !written) {
    return propagate(written, "keygen");
  }
  const CredentialPublicKeys keys = credential_public_keys(seed_bytes);
  return boost::json::serialize(boost::json::object{{"kid", key_id_of(keys)},
                                                    {"signing_key", base64url_encode(keys.signing)},
                                                    {"box_key", base64url_encode(keys.box)}});
}

}  // namespace agent_secrets
