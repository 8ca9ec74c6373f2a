#pragma once
// The root of encryption at rest: 32 random bytes in a 0600 file outside the data directory, or in
// AGENT_SECRETS_MASTER_KEY (base64url). It wraps data keys and signing seeds and encrypts nothing
// else.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

inline constexpr const char* kMasterKeyVariable = "AGENT_SECRETS_MASTER_KEY";

class MasterKey {
 public:
  // Refuses to overwrite a file; creates it 0600, fsynced with its directory.
  static Result<MasterKey> create_file(const std::string& path);
  // The environment variable, if set, else the file; refuses a file that group or others may read.
  // The variable is wiped and unset, so that no child process (an --on-deploy command) inherits it.
  // Call it once, before there are threads.
  static Result<MasterKey> load(const std::string& path);

  // XChaCha20-Poly1305 with the key's id and purpose as associated data: a wrapped key does not
  // unwrap in the place of another.
  [[nodiscard]] std::vector<std::uint8_t> wrap(std::string_view key_id, std::string_view purpose,
                                               const SecretBuffer& key) const;
  [[nodiscard]] Result<SecretBuffer> unwrap(std::string_view key_id, std::string_view purpose,
                                            std::span<const std::uint8_t> wrapped) const;

 private:
  explicit MasterKey(SecretBuffer key);
  SecretBuffer key_;
};

}  // namespace agent_secrets::control_plane
