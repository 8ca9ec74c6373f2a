#include "control-plane/keys/aead.h"

#include <sodium.h>

#include "core/encoding.h"
#include "core/error.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::size_t kNonceSize = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
static_assert(kAeadKeySize == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(kAeadOverhead == kNonceSize + crypto_aead_xchacha20poly1305_ietf_ABYTES);

void append_number(std::vector<std::uint8_t>& bytes, std::uint64_t number) {
  for (int shift = 0; shift < 64; shift += 8) {
    bytes.push_back(static_cast<std::uint8_t>(number >> shift));
  }
}

}  // namespace

AssociatedData& AssociatedData::add(std::string_view part) {
  append_number(bytes_, part.size());
  const auto bytes = as_bytes(part);
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

AssociatedData& AssociatedData::add(std::int64_t part) {
  append_number(bytes_, sizeof part);
  append_number(bytes_, static_cast<std::uint64_t>(part));
  return *this;
}

std::vector<std::uint8_t> aead_seal(const SecretBuffer& key, const AssociatedData& context,
                                    const SecretBuffer& plaintext) {
  AGENT_SECRETS_ASSERT(key.size() == kAeadKeySize);
  std::vector<std::uint8_t> box(plaintext.size() + kAeadOverhead);
  randombytes_buf(box.data(), kNonceSize);
  const auto ad = context.bytes();
  const auto message = plaintext.expose();
  const int done = crypto_aead_xchacha20poly1305_ietf_encrypt(
      box.data() + kNonceSize, nullptr, message.data(), message.size(), ad.data(), ad.size(),
      nullptr, box.data(), key.expose().data());
  AGENT_SECRETS_ASSERT(done == 0);
  return box;
}

std::size_t aead_plaintext_size(std::span<const std::uint8_t> box) {
  return box.size() < kAeadOverhead ? 0 : box.size() - kAeadOverhead;
}

std::optional<SecretBuffer> aead_open(const SecretBuffer& key, const AssociatedData& context,
                                      std::span<const std::uint8_t> box, SecretSlab* slab) {
  AGENT_SECRETS_ASSERT(key.size() == kAeadKeySize);
  if (box.size() < kAeadOverhead) return std::nullopt;
  const std::size_t size = aead_plaintext_size(box);
  SecretBuffer plaintext = take_or_allocate(slab, size);
  const auto ad = context.bytes();
  const auto sealed = box.subspan(kNonceSize);
  const int done = crypto_aead_xchacha20poly1305_ietf_decrypt(
      plaintext.expose().data(), nullptr, nullptr, sealed.data(), sealed.size(), ad.data(),
      ad.size(), box.data(), key.expose().data());
  if (done != 0) return std::nullopt;
  return plaintext;
}

}  // namespace agent_secrets::control_plane
