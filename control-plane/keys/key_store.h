#pragma once
// The keys of a control plane. The catalog's table `keys` has them, wrapped by the master key; each
// is created on first use.
//  - data keys: one active key per purpose ("catalog", "region:us-west"); older keys are kept for
//    decryption;
//  - authority keys: one active key for the catalog ("authority") and for each region
//    ("authority:us-west"); older keys are kept, so that codes under them hold;
//  - signing keys: one active and one standby key per region. Credentials have the standby key too,
//    so that it can become the active key;
//  - one active audit key (keys/audit_keys.h); older keys are kept for verification.
//
// Threads: used by one thread while starting. The returned objects are const and safe from several.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/keys/audit_keys.h"
#include "control-plane/keys/authority.h"
#include "control-plane/keys/master_key.h"
#include "control-plane/keys/region_keys.h"
#include "control-plane/keys/value_cipher.h"
#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

class Database;
class Transaction;

// The purpose of the catalog's authority keys. keys/region_keys.h has the regions'.
inline constexpr std::string_view kCatalogAuthority = "authority";

class KeyStore {
 public:
  // `database` is an opened, migrated catalog; both must outlive the KeyStore.
  KeyStore(Database& database, const MasterKey& master_key);

  // ErrorCode::untrusted, with a hint, if another master key has wrapped the keys.
  Result<ValueCipher> cipher(std::string_view purpose);
  // A key that is missing is created like the others: no row has a code under a new key, so all
  // rows are refused then.
  Result<Authority> authority(std::string_view purpose, UncodedRows uncoded);
  Result<RegionSigningKeys> signing_keys(std::string_view region);
  Result<AuditKeys> audit_keys();
  // The keys that a region node needs.
  Result<RegionKeys> region_keys(std::string_view region);

 private:
  struct Key {
    std::string id;
    std::string state;  // "active", "standby", "retired"
    SecretBuffer key;
  };
  void create(Transaction& tx, std::string_view purpose, std::string_view state);
  static bool has_all(std::span<const Key> keys, std::span<const std::string_view> states);
  Result<std::vector<Key>> read(Transaction& tx, std::string_view purpose);
  // The active key first.
  Result<std::vector<SecretBuffer>> authority_keys(std::string_view purpose);
  Result<std::vector<Key>> read_or_create(std::string_view purpose,
                                          std::span<const std::string_view> states);

  Database& database_;
  const MasterKey& master_key_;
};

}  // namespace agent_secrets::control_plane
