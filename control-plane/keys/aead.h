#pragma once
// The authenticated encryption for all data at rest: XChaCha20-Poly1305 (libsodium, the IETF
// construction). A box begins with its nonce: 24 random bytes, so many that nonces do not repeat
// for any number of messages here. The associated data names the purpose of the box. Each part is
// length-prefixed (8 bytes, little endian), so two lists of parts never have the same encoding.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

inline constexpr std::size_t kAeadKeySize = 32;
inline constexpr std::size_t kAeadOverhead = 24 + 16;  // nonce and tag

class AssociatedData {
 public:
  AssociatedData& add(std::string_view part);
  AssociatedData& add(std::int64_t part);  // as 8 bytes, little endian
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

// nonce ‖ ciphertext ‖ tag
std::vector<std::uint8_t> aead_seal(const SecretBuffer& key, const AssociatedData& context,
                                    const SecretBuffer& plaintext);
// The size of a box's plaintext; 0 if the bytes are too few for a box.
std::size_t aead_plaintext_size(std::span<const std::uint8_t> box);
// Absent if the box was not made with this key for this context. The plaintext is allocated in
// `slab`, or without a slab on its own.
std::optional<SecretBuffer> aead_open(const SecretBuffer& key, const AssociatedData& context,
                                      std::span<const std::uint8_t> box,
                                      SecretSlab* slab = nullptr);

}  // namespace agent_secrets::control_plane
