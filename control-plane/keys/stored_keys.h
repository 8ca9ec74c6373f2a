#pragma once
// The rows of the catalog's table `keys`: keys of any purpose, wrapped by the master key. What each
// purpose means is in keys/key_store.h.
//
// A purpose has at most one active and one standby key. Retired data keys stay as long as a value
// is encrypted under one of them.
//
// The state decides which key encrypts and signs, so a row has an authority code over its id,
// purpose and state (MasterKey::key_codes). The key itself is bound to id and purpose by its
// wrapping. A key whose code does not hold is refused, and with it its whole purpose. So is a
// purpose with two keys in a state of which there is one: somebody has put a row back that was
// valid before a rotation.
//
// Threads: those of the transaction.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/database/rows.h"
#include "control-plane/keys/authority.h"
#include "control-plane/keys/master_key.h"
#include "control-plane/keys/refused_rows.h"
#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

class Transaction;

inline constexpr std::string_view kActive = "active";
inline constexpr std::string_view kStandby = "standby";
inline constexpr std::string_view kRetired = "retired";

struct StoredKey {
  std::string id;
  std::string purpose;
  std::string state;
  SecretBuffer key;  // 32 bytes
};

// What is known of a key without the master key.
struct KeyFacts {
  std::string id;
  std::string purpose;
  std::string state;
  std::chrono::milliseconds created_at{};
  bool is_exported = false;  // for region nodes (keys/region_keys.h)

  bool operator==(const KeyFacts&) const = default;
};

// `row` has the columns id, purpose and state.
CodedRow coded_key(const Row& row);

// All keys, sorted by purpose, state and id.
std::vector<KeyFacts> list_keys(Transaction& tx);
std::vector<KeyFacts> list_keys(Transaction& tx, std::string_view purpose);

// Opens the keys of a purpose, the active one first.
// ErrorCode::untrusted, with a hint, if another master key has wrapped them, or if a row is
// refused.
Result<std::vector<StoredKey>> read_keys(Transaction& tx, const MasterKey& master_key,
                                         std::string_view purpose);

// Makes a random key. ErrorCode::untrusted if another master key has wrapped the keys that are
// there: otherwise a process that still has the old master key would leave a key that no process
// with the new one can open.
Result<void> create_key(Transaction& tx, const MasterKey& master_key, std::string_view purpose,
                        std::string_view state);
// Gives a key, whose code the caller has checked (read_keys), another state.
void change_state(Transaction& tx, const MasterKey& master_key, const StoredKey& key,
                  std::string_view state);

// The rows whose code does not hold; also while they are accepted.
std::vector<RefusedRow> find_refused_keys(Transaction& tx, const MasterKey& master_key);
// Gives every key the code of what is in its row now: an operator has said that it is right.
void code_all_keys(Transaction& tx, const MasterKey& master_key);

}  // namespace agent_secrets::control_plane
