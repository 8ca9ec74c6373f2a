#include "control-plane/keys/master_key.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <sodium.h>

#include "control-plane/keys/aead.h"
#include "control-plane/keys/key_file.h"
#include "core/encoding.h"
#include "core/write_file.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::size_t kTextSize = 43;  // base64url of 32 bytes

AssociatedData wrapping_context(std::string_view key_id, std::string_view purpose) {
  AssociatedData data;
  data.add("agent-secrets wrapped key v1").add(key_id).add(purpose);
  return data;
}

std::unexpected<Error> refuse_text(std::string_view source) {
  return fail(ErrorCode::invalid,
              fmt::format("{}: not a master key (base64url of 32 bytes)", source));
}

Result<SecretBuffer> parse_key(std::string_view text, std::string_view source) {
  auto key = base64url_decode_secret(text);
  if (!key || key->size() != kAeadKeySize) return refuse_text(source);
  return std::move(*key);
}

// Returns the key as one line of base64url, in guarded memory.
SecretBuffer key_text(const SecretBuffer& key) {
  SecretBuffer line(kTextSize + 1);
  const SecretBuffer text = base64url_encode_secret(key.expose());
  std::ranges::copy(text.expose(), line.expose().begin());
  line.expose()[kTextSize] = '\n';
  return line;
}

std::string directory_of(const std::string& path) {
  auto directory = std::filesystem::path(path).parent_path().string();
  return directory.empty() ? "." : directory;
}

Result<SecretBuffer> read_file(const std::string& path) {
  auto text = read_key_file(path, "the master key", kTextSize);
  if (text) return parse_key(text->expose_text(), path);
  if (text.error().code == ErrorCode::too_large) return refuse_text(path);
  if (text.error().code == ErrorCode::failed) {
    text.error().hint =
        "create one with secret-control-plane init, or set AGENT_SECRETS_MASTER_KEY";
  }
  return propagate(text);
}

}  // namespace

MasterKey::MasterKey(SecretBuffer key) : key_(std::move(key)) {}

Result<MasterKey> MasterKey::create_file(const std::string& path) {
  SecretBuffer key(kAeadKeySize);
  randombytes_buf(key.expose().data(), key.size());
  const SecretBuffer text = key_text(key);
  if (auto ok = create_private_file(path, text.expose_text()); !ok) return propagate(ok);
  if (auto ok = sync_directory(directory_of(path)); !ok) return propagate(ok);
  return MasterKey(std::move(key));
}

Result<MasterKey> MasterKey::load(const std::string& path) {
  const auto variable = take_key_variable(kMasterKeyVariable);
  auto key = variable ? parse_key(variable->expose_text(), kMasterKeyVariable) : read_file(path);
  if (!key) return propagate(key);
  return MasterKey(std::move(*key));
}

std::vector<std::uint8_t> MasterKey::wrap(std::string_view key_id, std::string_view purpose,
                                          const SecretBuffer& key) const {
  return aead_seal(key_, wrapping_context(key_id, purpose), key);
}

Result<SecretBuffer> MasterKey::unwrap(std::string_view key_id, std::string_view purpose,
                                       std::span<const std::uint8_t> wrapped) const {
  auto key = aead_open(key_, wrapping_context(key_id, purpose), wrapped);
  if (!key) {
    return fail(ErrorCode::untrusted,
                fmt::format("the master key does not open key {} ({})", key_id, purpose),
                "use the master key that this catalog was created with");
  }
  return std::move(*key);
}

}  // namespace agent_secrets::control_plane
