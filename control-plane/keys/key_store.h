#pragma once
// The keys of a control plane, by purpose. The catalog's table `keys` has them, wrapped by the
// master key (keys/stored_keys.h); each is created on first use.
//  - data keys ("catalog", "region:CODE"): one active key; retired keys are kept while a value is
//    encrypted under one of them. A standby key is made for region nodes in advance
//    (keys/key_rotation.h);
//  - signing keys ("signing:CODE"): one active and one standby key for each region. Credentials
//    have the standby key too, so that it can become the active key;
//  - authority keys ("authority", "authority:CODE"): one active key for the catalog and for each
//    region; older keys are kept, so that codes under them hold;
//  - one active audit key ("audit", keys/audit_keys.h); older keys are kept for verification.
//
// Threads: safe from several.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/keys/audit_keys.h"
#include "control-plane/keys/authority.h"
#include "control-plane/keys/master_key.h"
#include "control-plane/keys/region_keys.h"
#include "control-plane/keys/stored_keys.h"
#include "control-plane/keys/value_cipher.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class Database;
class Transaction;

class KeyStore {
 public:
  // `database` is an opened, migrated catalog, and must outlive the KeyStore.
  KeyStore(Database& database, MasterKey master_key);

  // ErrorCode::untrusted, with a hint, if another master key has wrapped the keys.
  Result<ValueCipher> cipher(std::string_view purpose);
  // A key that is missing is created like the others: no row has a code under a new key, so all
  // rows are refused then.
  Result<Authority> authority(std::string_view purpose, UncodedRows uncoded);
  Result<RegionSigningKeys> signing_keys(std::string_view region);
  Result<AuditKeys> audit_keys();
  // The keys that a region node needs. Records that they were exported.
  Result<RegionKeys> export_region_keys(std::string_view region);

 private:
  // The active key first.
  Result<std::vector<SecretBuffer>> authority_keys(std::string_view purpose);
  Result<std::vector<StoredKey>> read_or_create(std::string_view purpose,
                                                std::span<const std::string_view> states);

  Database& database_;
  const MasterKey master_key_;
};

std::string signing_purpose(std::string_view region);

// The cipher of the data keys of a purpose, which has an active key.
Result<ValueCipher> read_cipher(Transaction& tx, const MasterKey& master_key,
                                std::string_view purpose);

}  // namespace agent_secrets::control_plane
