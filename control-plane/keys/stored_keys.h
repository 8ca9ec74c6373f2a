#pragma once
// The rows of the catalog's table `keys`: keys of any purpose, wrapped by the master key. What each
// purpose means is in keys/key_store.h.
//
// A purpose has at most one active and one standby key. Retired data keys stay as long as a value
// is encrypted under one of them.
//
// Threads: those of the transaction.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/keys/master_key.h"
#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

class Transaction;

inline constexpr std::string_view kActive = "active";
inline constexpr std::string_view kStandby = "standby";
inline constexpr std::string_view kRetired = "retired";

struct StoredKey {
  std::string id;
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

// All keys, sorted by purpose, state and id.
std::vector<KeyFacts> list_keys(Transaction& tx);
std::vector<KeyFacts> list_keys(Transaction& tx, std::string_view purpose);

// Opens the keys of a purpose, the active one first.
// ErrorCode::untrusted, with a hint, if another master key has wrapped them.
Result<std::vector<StoredKey>> read_keys(Transaction& tx, const MasterKey& master_key,
                                         std::string_view purpose);

// Makes a random key. ErrorCode::untrusted if another master key has wrapped the keys that are
// there: otherwise a process that still has the old master key would leave a key that no process
// with the new one can open.
Result<void> create_key(Transaction& tx, const MasterKey& master_key, std::string_view purpose,
                        std::string_view state);

}  // namespace agent_secrets::control_plane
