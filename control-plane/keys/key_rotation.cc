#include "control-plane/keys/key_rotation.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "control-plane/database/transaction.h"
#include "control-plane/keys/announcements.h"
#include "control-plane/keys/key_store.h"
#include "control-plane/keys/stored_keys.h"
#include "core/key_announcement.h"

namespace agent_secrets::control_plane {
namespace {

// The key in this state; null if there is none.
template <typename Key>
const Key* find(const std::vector<Key>& keys, std::string_view state) {
  const auto found = std::ranges::find(keys, state, &Key::state);
  return found == keys.end() ? nullptr : &*found;
}

bool is_exported(Transaction& tx, const StoredKey& key) {
  return !tx.query("SELECT 1 FROM keys WHERE id = ?1 AND exported_at IS NOT NULL", key.id).empty();
}

SigningKey signing_key(const StoredKey& stored) {
  return SigningKey::from_seed(std::span<const std::uint8_t, 32>(stored.key.expose()));
}

}  // namespace

Result<std::int64_t> rewrap_keys(Transaction& tx, const MasterKey& master_key) {
  std::int64_t wrapped = 0;
  for (const Row row : tx.query("SELECT id, purpose, state, wrapped, code FROM keys")) {
    const std::string id = row.text("id");
    const std::string purpose = row.text("purpose");
    const auto box = row.blob("wrapped");
    if (master_key.has_wrapped(id, purpose, box)) continue;
    auto key = master_key.unwrap(id, purpose, box);
    if (!key) return propagate(key);
    const Authority codes = master_key.key_codes();
    const CodedRow coded = coded_key(row);
    codes.require(coded, stored_code(row));
    wrapped += tx.execute("UPDATE keys SET wrapped = ?2, code = ?3 WHERE id = ?1", id,
                          master_key.wrap(id, purpose, *key), codes.code(coded));
  }
  return wrapped;
}

bool has_wrapped_all(Transaction& tx, const MasterKey& master_key) {
  const Rows rows = tx.query("SELECT id, purpose, wrapped FROM keys");
  return std::ranges::all_of(rows, [&](const Row& row) {
    return master_key.has_wrapped(row.text("id"), row.text("purpose"), row.blob("wrapped"));
  });
}

Result<DataKeyStep> begin_data_key(Transaction& tx, const MasterKey& master_key,
                                   std::string_view purpose, bool nodes_have_it) {
  const auto keys = read_keys(tx, master_key, purpose);
  if (!keys) return std::unexpected(keys.error());
  const StoredKey* const active = find(*keys, kActive);
  const StoredKey* const standby = find(*keys, kStandby);
  if (find(*keys, kRetired) != nullptr) return DataKeyStep::resumed;
  if (standby != nullptr) {
    if (!is_exported(tx, *standby)) return DataKeyStep::waits_for_export;
    if (!nodes_have_it) return DataKeyStep::waits_for_nodes;
    if (active != nullptr) change_state(tx, master_key, *active, kRetired);
    change_state(tx, master_key, *standby, kActive);
    return DataKeyStep::begun;
  }
  const bool has_nodes = active != nullptr && is_exported(tx, *active);
  if (active != nullptr && !has_nodes) change_state(tx, master_key, *active, kRetired);
  auto made = create_key(tx, master_key, purpose, has_nodes ? kStandby : kActive);
  if (!made) return propagate(made);
  return has_nodes ? DataKeyStep::waits_for_export : DataKeyStep::begun;
}

void delete_retired_key(Transaction& tx, std::string_view id) {
  tx.execute("DELETE FROM keys WHERE id = ?1 AND state = ?2", id, kRetired);
}

Result<void> rotate_signing_keys(Transaction& tx, const MasterKey& master_key,
                                 std::string_view region) {
  const std::string purpose = signing_purpose(region);
  const auto before = read_keys(tx, master_key, purpose);
  if (!before) return std::unexpected(before.error());
  const StoredKey* const active = find(*before, kActive);
  const StoredKey* const standby = find(*before, kStandby);
  AGENT_SECRETS_ASSERT(active != nullptr && standby != nullptr);
  tx.execute("DELETE FROM keys WHERE id = ?1", active->id);
  change_state(tx, master_key, *standby, kActive);
  if (auto made = create_key(tx, master_key, purpose, kStandby); !made) return made;
  const auto after = read_keys(tx, master_key, purpose);
  if (!after) return std::unexpected(after.error());
  const StoredKey& next = *find(*after, kStandby);
  add_announcement(tx, purpose,
                   announce_key({.kid = next.id, .key = signing_key(next).public_key()},
                                standby->id, signing_key(*standby)));
  return {};
}

}  // namespace agent_secrets::control_plane
