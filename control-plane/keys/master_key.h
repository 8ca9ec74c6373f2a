#pragma once
// The root of encryption at rest: 32 random bytes, as base64url. It wraps data keys and signing
// seeds, and the digest of a backup; it encrypts nothing else. From it, a key is derived for the
// authority codes of wrapped keys (keys/stored_keys.h). It comes from a file of mode 0600 outside
// the data directory, from the output of a command, or from AGENT_SECRETS_MASTER_KEY.
//
// Rotation. A MasterKey wraps with the current key and opens what the current or the previous key
// has wrapped, so processes that have both work before and after everything is wrapped anew
// (keys/key_rotation.h). A process that has only the old key keeps the keys that it has opened. If
// it meets a key that it cannot open, it reads its file, or runs its command, again: an operator
// who puts the new key there has to restart nothing.
//
// Ownership: copies share the key.
// Threads: safe from several. Load it before there are threads (keys/key_file.h).

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/keys/authority.h"
#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

inline constexpr const char* kMasterKeyVariable = "AGENT_SECRETS_MASTER_KEY";

// Where a master key comes from: the command if there is one, else the variable if it is set, else
// the file. The initializers let designated initializers leave members out under -Wextra.
// NOLINTBEGIN(readability-redundant-member-init)
struct MasterKeySource {
  std::string file = {};
  std::string command = {};        // keys/key_command.h
  const char* variable = nullptr;  // it is wiped and unset, so that no child process inherits it
};
// NOLINTEND(readability-redundant-member-init)

class MasterKey {
 public:
  // Refuses to overwrite a file; creates it 0600, fsynced with its directory.
  static Result<MasterKey> create_file(const std::string& path);
  // Refuses a file that others may read.
  static Result<MasterKey> load(const MasterKeySource& source);
  // From kMasterKeyVariable or the file.
  static Result<MasterKey> load(const std::string& path);

  // A key that wraps as this one, and also opens what `previous` has wrapped.
  [[nodiscard]] MasterKey with_previous(const MasterKey& previous) const;
  // A copy whose key_codes() also accept rows without a code.
  [[nodiscard]] MasterKey accepting_uncoded_rows() const;

  // XChaCha20-Poly1305 with the key's id and purpose as associated data: a wrapped key does not
  // unwrap in the place of another.
  [[nodiscard]] std::vector<std::uint8_t> wrap(std::string_view key_id, std::string_view purpose,
                                               const SecretBuffer& key) const;
  // May read the file or run the command again, at most once in limits::kMasterKeyReread. A file
  // that has been replaced or changed since is read at once.
  // ErrorCode::untrusted, with a hint, if no key opens it.
  [[nodiscard]] Result<SecretBuffer> unwrap(std::string_view key_id, std::string_view purpose,
                                            std::span<const std::uint8_t> wrapped) const;
  // The current key has wrapped it.
  [[nodiscard]] bool has_wrapped(std::string_view key_id, std::string_view purpose,
                                 std::span<const std::uint8_t> wrapped) const;
  // The authority of the rows of `keys`. Its codes are under the current key, and those under the
  // previous key are accepted. Take it after unwrap(), which may have read a newer key.
  [[nodiscard]] Authority key_codes() const;
  // Where the authorities of this key and of its copies note refused rows.
  [[nodiscard]] const std::shared_ptr<RefusedRows>& refused() const { return refused_; }

 private:
  class Keys;
  explicit MasterKey(std::shared_ptr<Keys> keys);
  std::shared_ptr<Keys> keys_;
  std::shared_ptr<RefusedRows> refused_;
  UncodedRows uncoded_ = UncodedRows::refused;
};

}  // namespace agent_secrets::control_plane
