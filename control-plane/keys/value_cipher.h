#pragma once
// Encryption of one secret value at rest: XChaCha20-Poly1305 (libsodium) under a data key, with
// associated data that says where the value belongs. Each part is length-prefixed (8 bytes, little
// endian), so no two contexts share an encoding: a row moved to another organization, set, key,
// version or store fails to decrypt. The nonce is 24 random bytes (safe at random with XChaCha20);
// the data key's id stands in the row, so keys can rotate.
//
// Beside it, a fingerprint of a value: a keyed BLAKE2b under a key derived from the data key, bound
// to organization, set and key, but not to the version: two versions of one key have the same
// fingerprint only if they have the same value. Without the data key it says nothing of the value,
// and nothing of equal values in two places.
//
// Threads: const after construction; safe from several.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

struct ValueContext {
  std::int64_t organization_id = 0;
  std::int64_t set_id = 0;  // ids are never reused; names are
  std::string_view key;
  std::int64_t written_by = 0;  // the version that wrote this value
  std::int64_t served_as = 0;   // region stores: the version that this row is part of, so that an
                                // older value cannot be put into a newer version; catalog: 0
};

struct SealedValue {
  std::string key_id;
  std::vector<std::uint8_t> box;  // nonce ‖ ciphertext ‖ tag
};

struct Fingerprint {
  std::string key_id;  // those of two data keys cannot be compared
  std::vector<std::uint8_t> hash;
};

class ValueCipher {
 public:
  // `purpose` is "catalog" or "region:CODE"; `data_keys` by id, 32 bytes each, of which `active`
  // encrypts.
  ValueCipher(std::string purpose, std::map<std::string, SecretBuffer> data_keys,
              std::string active);

  [[nodiscard]] SealedValue seal(const ValueContext& context, const SecretBuffer& value) const;
  // ErrorCode::untrusted when the row does not belong here, naming the key. Of many values that are
  // opened together each takes its place in one `slab`, of plaintext_size() each.
  [[nodiscard]] Result<SecretBuffer> open(const ValueContext& context, const SealedValue& value,
                                          SecretSlab* slab = nullptr) const;
  static std::size_t plaintext_size(const SealedValue& value);
  // Of `context` the versions do not count.
  [[nodiscard]] Fingerprint fingerprint(const ValueContext& context,
                                        const SecretBuffer& value) const;

 private:
  std::string purpose_;
  std::map<std::string, SecretBuffer> data_keys_;
  std::string active_;
  SecretBuffer fingerprint_key_;  // of the active one
};

}  // namespace agent_secrets::control_plane
