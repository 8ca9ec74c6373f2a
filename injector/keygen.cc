#include "injector/keygen.h"

#include <cerrno>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <unistd.h>

#include "core/credential.h"
#include "core/encoding.h"
#include "core/secret_buffer.h"
#include "core/unique_fd.h"
#include "injector/file.h"

namespace agent_secrets {
namespace {

// From the public key, so that the same seed has the same name wherever it is registered.
std::string key_id_of(const CredentialPublicKeys& keys) {
  std::array<std::uint8_t, crypto_generichash_BYTES_MIN> hash{};
  crypto_generichash(hash.data(), hash.size(), keys.signing.data(), keys.signing.size(), nullptr,
                     0);
  return base64url_encode(hash);
}

Result<void> write_seed(const std::string& path, std::span<const std::uint8_t, 32> seed) {
  const UniqueFd file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.is_open()) {
    return fail(ErrorCode::failed, fmt::format("create {}: {}", path, errno_message(errno)),
                "choose a file that does not exist yet");
  }
  const SecretBuffer credential = agent_credential_text({}, seed);
  const std::string_view text = credential.expose_text();
  auto written = write_all(file.get(), text.substr(text.rfind('.') + 1), path);
  if (written) written = write_all(file.get(), "\n", path);
  if (written && ::fsync(file.get()) != 0) {
    written = fail(ErrorCode::failed, fmt::format("fsync {}: {}", path, errno_message(errno)));
  }
  if (!written) ::unlink(path.c_str());  // half a secret is none
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
