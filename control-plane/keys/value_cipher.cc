#include "control-plane/keys/value_cipher.h"

#include <utility>

#include <fmt/format.h>
#include <sodium.h>

#include "control-plane/keys/aead.h"

namespace agent_secrets::control_plane {
namespace {

AssociatedData associated_data(std::string_view purpose, const ValueContext& context) {
  AssociatedData data;
  data.add("agent-secrets value v1").add(purpose);
  data.add(context.organization_id).add(context.set_id).add(context.key);
  data.add(context.written_by).add(context.served_as);
  return data;
}

constexpr std::size_t kFingerprintSize = 16;  // a collision takes 2^64 values of one key

// A key of its own for fingerprints, because the data key is used only for the AEAD.
SecretBuffer fingerprint_key(const SecretBuffer& data_key, std::string_view purpose) {
  AssociatedData label;
  label.add("agent-secrets fingerprint key v1").add(purpose);
  SecretBuffer key(crypto_generichash_KEYBYTES);
  const auto text = label.bytes();
  const auto from = data_key.expose();
  const int done = crypto_generichash(key.expose().data(), key.size(), text.data(), text.size(),
                                      from.data(), from.size());
  AGENT_SECRETS_ASSERT(done == 0);
  return key;
}

}  // namespace

ValueCipher::ValueCipher(std::string purpose, std::map<std::string, SecretBuffer> data_keys,
                         std::string active)
    : purpose_(std::move(purpose)),
      data_keys_(std::move(data_keys)),
      active_(std::move(active)),
      fingerprint_key_(fingerprint_key(data_keys_.at(active_), purpose_)) {}

SealedValue ValueCipher::seal(const ValueContext& context, const SecretBuffer& value) const {
  return {.key_id = active_,
          .box = aead_seal(data_keys_.at(active_), associated_data(purpose_, context), value)};
}

std::size_t ValueCipher::plaintext_size(const SealedValue& value) {
  return aead_plaintext_size(value.box);
}

// The parts of the context are length-prefixed and their number is fixed, so the value after them
// needs no length.
Fingerprint ValueCipher::fingerprint(const ValueContext& context, const SecretBuffer& value) const {
  AssociatedData place;
  place.add("agent-secrets fingerprint v1").add(context.organization_id).add(context.set_id);
  place.add(context.key);
  const auto key = fingerprint_key_.expose();
  crypto_generichash_state state;
  Fingerprint print{.key_id = active_, .hash = std::vector<std::uint8_t>(kFingerprintSize)};
  int failed = crypto_generichash_init(&state, key.data(), key.size(), print.hash.size());
  for (const auto part : {place.bytes(), std::span<const std::uint8_t>(value.expose())}) {
    failed |= crypto_generichash_update(&state, part.data(), part.size());
  }
  failed |= crypto_generichash_final(&state, print.hash.data(), print.hash.size());
  wipe_memory(&state, sizeof state);
  AGENT_SECRETS_ASSERT(failed == 0);
  return print;
}

Result<SecretBuffer> ValueCipher::open(const ValueContext& context, const SealedValue& value,
                                       SecretSlab* slab) const {
  const auto data_key = data_keys_.find(value.key_id);
  if (data_key != data_keys_.end()) {
    auto opened = aead_open(data_key->second, associated_data(purpose_, context), value.box, slab);
    if (opened) return std::move(*opened);
  }
  return fail(ErrorCode::untrusted,
              fmt::format("the stored value of {} in set {} does not decrypt ({})", context.key,
                          context.set_id, purpose_),
              "somebody changed the database by hand, or it is damaged: restore a backup or write "
              "the value again");
}

}  // namespace agent_secrets::control_plane
