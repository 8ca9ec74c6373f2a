#pragma once
// The cipher of the catalog's values. The keys are in the same database as the values, so each
// transaction reads which keys there are, and uses exactly these: a value is never encrypted under
// a key that another process has retired, and never misses a new one. The keys are decrypted only
// when they differ from those of the last transaction.
//
// Threads: safe from several.

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control-plane/database/transaction.h"
#include "control-plane/keys/master_key.h"
#include "control-plane/keys/value_cipher.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

inline constexpr std::string_view kCatalogPurpose = "catalog";

class CatalogCipher {
 public:
  using Current = std::shared_ptr<const ValueCipher>;

  // The catalog has an active key (KeyStore::cipher). Copies of a master key share the key.
  explicit CatalogCipher(MasterKey master_key) : master_key_(std::move(master_key)) {}

  // The cipher for this transaction. ErrorCode::untrusted if the master key does not open its keys.
  Result<Current> in(Transaction& tx) const;
  // The same in two steps, to save a round trip (database/transaction.h): ask early, and give the
  // answer when the cipher is needed.
  static Transaction::LaterRows ask(Transaction& tx);
  Result<Current> in(Transaction& tx, const Rows& answer) const;

 private:
  const MasterKey master_key_;
  mutable std::mutex mutex_;
  mutable std::vector<std::string> known_;  // each key with its state
  mutable Current cipher_;
};

}  // namespace agent_secrets::control_plane
