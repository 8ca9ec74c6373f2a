#pragma once
// The encrypted values of sets, for the other subjects of the catalog. A row belongs to all
// versions from the version that wrote it up to, but not including, the version that removed it. So
// a new version stores only the values that change. Plaintext is in SecretBuffers only, never in a
// row, a temporary table or an error.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/catalog/quotas.h"
#include "control-plane/catalog/rules.h"
#include "control-plane/catalog/sets.h"
#include "control-plane/database/transaction.h"
#include "control-plane/keys/aead.h"
#include "control-plane/keys/value_cipher.h"
#include "control-plane/model/set_version.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct LiveKey {
  std::string key;
  KeyWrite write;
};
std::vector<LiveKey> live_keys(Transaction& tx, std::int64_t set_id);
std::vector<std::string> keys_of_version(Transaction& tx, std::int64_t set_id,
                                         std::int64_t version);
// Bytes that a stored key and its box take in addition to the pair in an environment block.
inline constexpr std::int64_t kStoredOverhead =
    static_cast<std::int64_t>(kAeadOverhead - pair_bytes(0, 0));
// The bytes of the newest version, as pairs in an environment block.
std::int64_t bytes_of_live_pairs(Transaction& tx, std::int64_t set_id);
// Fails if the newest version of the set would exceed the limits of a set.
Result<void> check_set_size(const SetSize& size, const SetRow& row, std::string_view last_key);
Result<std::vector<ProvisionedValue>> open_values(Transaction& tx, const ValueCipher& cipher,
                                                  const PendingVersion& version);
// True also when a value does not decrypt.
bool values_differ(Transaction& tx, const ValueCipher& cipher, const PendingVersion& from,
                   std::int64_t to);
// Drops the values that no retained version has (view retained_versions).
void drop_values_of(Transaction& tx, std::int64_t set_id);

}  // namespace agent_secrets::control_plane
