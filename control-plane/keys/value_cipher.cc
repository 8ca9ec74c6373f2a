#include "control-plane/keys/value_cipher.h"

#include <utility>

#include <fmt/format.h>

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

}  // namespace

ValueCipher::ValueCipher(std::string purpose, std::map<std::string, SecretBuffer> data_keys,
                         std::string active)
    : purpose_(std::move(purpose)), data_keys_(std::move(data_keys)), active_(std::move(active)) {
  AGENT_SECRETS_ASSERT(data_keys_.contains(active_));
}

SealedValue ValueCipher::seal(const ValueContext& context, const SecretBuffer& value) const {
  return {.key_id = active_,
          .box = aead_seal(data_keys_.at(active_), associated_data(purpose_, context), value)};
}

std::size_t ValueCipher::plaintext_size(const SealedValue& value) {
  return aead_plaintext_size(value.box);
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
