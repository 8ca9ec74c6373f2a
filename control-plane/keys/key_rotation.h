#pragma once
// Rotation of the keys in the catalog: each step is one transaction, and may be repeated.
//
// Master key: everything that the table has is wrapped anew, whatever its purpose. Nothing else is
// encrypted under the master key.
//
// Data keys: begin_data_key() makes a new active key and retires the one before. Values are then
// encrypted anew (catalog/reencryption.h, region/reencryption.h), and a retired key is deleted when
// no value is under it any more. Region nodes have the keys in a file, so a region whose keys were
// exported gets the new key as a standby key first. It becomes active when the operator says that
// the nodes have it: a node without it could not decrypt what is written next.
//
// Signing keys: the standby key becomes the active one, and announces a new standby key
// (core/key_announcement.h). The seed of the old key is deleted.
//
// Threads: those of the transaction.

#include <cstdint>
#include <string_view>

#include "control-plane/keys/master_key.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class Transaction;

// Wraps every key that the current master key has not wrapped, and gives it a code under this key.
// Returns how many. ErrorCode::untrusted, and no change, if neither it nor the previous one opens a
// key, or if the code of a key does not hold.
Result<std::int64_t> rewrap_keys(Transaction& tx, const MasterKey& master_key);

// The current master key has wrapped every key.
bool has_wrapped_all(Transaction& tx, const MasterKey& master_key);

enum class DataKeyStep : std::uint8_t {
  begun,             // there is a new active key
  resumed,           // a rotation has begun earlier: the retired keys are not deleted yet
  waits_for_export,  // the standby key is made, and `region export-keys` has not been run since
  waits_for_nodes,   // the standby key was exported, and `nodes_have_it` is not given
};
Result<DataKeyStep> begin_data_key(Transaction& tx, const MasterKey& master_key,
                                   std::string_view purpose, bool nodes_have_it);
// The store has no value under the key.
void delete_retired_key(Transaction& tx, std::string_view id);

Result<void> rotate_signing_keys(Transaction& tx, const MasterKey& master_key,
                                 std::string_view region);

}  // namespace agent_secrets::control_plane
