#pragma once
// One change of the values of a set. One round trip reads everything that the change needs, and the
// change is checked before its first write. So on PostgreSQL a change takes two round trips, to
// read and to write with the commit, and a change that is refused writes nothing
// (docs/decisions/0047).
//
//   auto change = SetChange::of(tx, authority, organization_id, "bot-secrets", {"API_KEY"});
//   change->write(cipher, pair);
//   if (auto ok = change->check(tx, pair.key); !ok) return propagate(ok);
//   change->apply(tx, now, describe(actor));  // values only; the caller writes the set's new
//   version
//
// Threads: those of the transaction.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control-plane/catalog/quotas.h"
#include "control-plane/catalog/sets.h"
#include "control-plane/database/transaction.h"
#include "control-plane/keys/value_cipher.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class SetChange {
 public:
  // Absent: there is no such set. `keys`: all keys that the change may write or remove.
  static std::optional<SetChange> of(Transaction& tx, const Authority& authority,
                                     std::int64_t organization_id, std::string_view set,
                                     const std::vector<std::string_view>& keys);
  // For a set that this transaction has inserted.
  SetChange(SetRow set, SetSize of_organization) : row(std::move(set)), before_(of_organization) {}

  // False: the value equals the live value, and nothing is to be written. Decrypts only the live
  // value. A live value that does not decrypt is replaced: rewriting a value repairs it.
  bool write(const ValueCipher& cipher, const SecretPair& pair);
  // False: there is no such key.
  bool remove(std::string_view key);
  // ErrorCode::invalid if the set or its organization would be too large. The error for the set
  // names `last_key`.
  Result<void> check(Transaction& tx, std::string_view last_key);
  // Defers the statements. `size` is the size of the set after the change. `now` and `author` are
  // recorded with each value.
  void apply(Transaction& tx, UnixMs now, const std::string& author) const;

  SetRow row;
  SetSize size;  // of the set, with the change

 private:
  struct Live {
    std::int64_t written_by = 0;
    std::int64_t position = 0;
    SealedValue sealed;
  };
  struct Written {
    std::string key;
    SealedValue sealed;
    const Live* replaced = nullptr;
  };

  [[nodiscard]] const Live* find_live(std::string_view key) const;
  [[nodiscard]] bool is_skipped(const Live& live) const;
  void end(std::string_view key, const Live& live);
  void apply(Transaction& tx, const Written& written, UnixMs now, const std::string& author) const;

  std::map<std::string, Live, std::less<>> live_;  // of the keys that were asked for
  std::vector<Written> written_;
  std::vector<std::string> removed_;
  SetSize before_;                // of all sets of the organization
  SetSize set_before_;            // of this set
  std::int64_t pairs_added_ = 0;  // bytes that the newest version grows by, with separators
};

}  // namespace agent_secrets::control_plane
