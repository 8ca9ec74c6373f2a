#pragma once
// The one authenticated encryption at rest: XChaCha20-Poly1305 (libsodium, the IETF construction)
// with a random 24-byte nonce in front, which is safe at random for any number of messages here.
// What a box is for stands in its associated data; each part is length-prefixed (8 bytes, little
// endian), so that no two lists of parts share an encoding.

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
// How much room a box's plaintext takes; 0 for what is no box.
std::size_t aead_plaintext_size(std::span<const std::uint8_t> box);
// Nothing when the box was not made with this key for this context. The plaintext takes its place
// in `slab`, or is an allocation of its own.
std::optional<SecretBuffer> aead_open(const SecretBuffer& key, const AssociatedData& context,
                                      std::span<const std::uint8_t> box,
                                      SecretSlab* slab = nullptr);

}  // namespace agent_secrets::control_plane
