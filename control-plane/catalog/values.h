#pragma once
// The encrypted values of sets, for the other subjects of the catalog. A row belongs to all
// versions from the version that wrote it up to, but not including, the version that removed it. So
// a new version stores only the values that change. Plaintext is in SecretBuffers only, never in a
// row, a temporary table or an error.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/catalog/sets.h"
#include "control-plane/database/transaction.h"
#include "control-plane/keys/value_cipher.h"
#include "control-plane/model/set_version.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// Queries the live value of a key, for write_value(). No row: the key has no live value.
Transaction::LaterRows ask_live_value(Transaction& tx, std::int64_t organization_id,
                                      std::string_view set, std::string_view key);
// Writes the value for the next version. False: it equals the live value, and nothing is written.
bool write_value(Transaction& tx, const ValueCipher& cipher, const SetRow& row,
                 const SecretPair& pair, const Rows& live);
// False: there is no such key.
bool remove_value(Transaction& tx, const SetRow& row, std::string_view key);
struct LiveKey {
  std::string key;
  std::int64_t written_by = 0;
};
std::vector<LiveKey> live_keys(Transaction& tx, std::int64_t set_id);
std::vector<std::string> keys_of_version(Transaction& tx, std::int64_t set_id,
                                         std::int64_t version);
// Queries the numbers of keys and bytes of the newest version, for check_set_size().
Transaction::LaterRows ask_set_size(Transaction& tx, std::int64_t set_id);
// Fails if `size`, a result of ask_set_size(), exceeds the limits of a set.
Result<void> check_set_size(const Rows& size, const SetRow& row, std::string_view last_key);
Result<std::vector<ProvisionedValue>> open_values(Transaction& tx, const ValueCipher& cipher,
                                                  const PendingVersion& version);
// True also when a value does not decrypt.
bool values_differ(Transaction& tx, const ValueCipher& cipher, const PendingVersion& from,
                   std::int64_t to);
// Drops the values that no retained version has (view retained_versions).
void drop_values_of(Transaction& tx, std::int64_t set_id);
void drop_skipped_values(Transaction& tx, const SecretSet& set);

}  // namespace agent_secrets::control_plane
