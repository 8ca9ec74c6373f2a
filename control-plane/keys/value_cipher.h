#pragma once
// Encryption of one secret value at rest: XChaCha20-Poly1305 (libsodium) under a data key, with
// associated data that says where the value belongs. Each part is length-prefixed (8 bytes, little
// endian), so two contexts never have the same encoding: a row moved to another organization, set,
// key, version or store fails to decrypt. The nonce is 24 random bytes (safe at random with
// XChaCha20); the row has the data key's id, so keys can rotate.
//
// Also makes the fingerprint of a value: a keyed BLAKE2b under a key derived from the data key,
// bound to organization, set and key, but not to the version. Two versions of one key have the same
// fingerprint only if they have the same value. Equal values of two keys, sets or organizations
// have different fingerprints. Without the data key a fingerprint reveals nothing about the value.
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
  std::string key_id;  // fingerprints under two data keys cannot be compared
  std::vector<std::uint8_t> hash;
};

class ValueCipher {
 public:
  // `purpose` is "catalog" or "region:CODE". `data_keys` are 32 bytes each, by id. `active` is the
  // id of the key that encrypts.
  ValueCipher(std::string purpose, std::map<std::string, SecretBuffer> data_keys,
              std::string active);

  [[nodiscard]] SealedValue seal(const ValueContext& context, const SecretBuffer& value) const;
  // ErrorCode::untrusted, with the name of the key, if the value was not sealed for this context.
  // To open many values, pass one `slab`: each value takes plaintext_size() of it.
  [[nodiscard]] Result<SecretBuffer> open(const ValueContext& context, const SealedValue& value,
                                          SecretSlab* slab = nullptr) const;
  [[nodiscard]] bool has_key(const std::string& id) const { return data_keys_.contains(id); }
  // The id of the key that encrypts.
  [[nodiscard]] const std::string& active_key() const { return active_; }
  static std::size_t plaintext_size(const SealedValue& value);
  // Ignores the versions in `context`.
  [[nodiscard]] Fingerprint fingerprint(const ValueContext& context,
                                        const SecretBuffer& value) const;

 private:
  std::string purpose_;
  std::map<std::string, SecretBuffer> data_keys_;
  std::string active_;
  SecretBuffer fingerprint_key_;  // derived from the active data key
};

}  // namespace agent_secrets::control_plane
