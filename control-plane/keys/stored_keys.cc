#include "control-plane/keys/stored_keys.h"

#include <utility>

#include <fmt/format.h>
#include <sodium.h>

#include "control-plane/database/transaction.h"
#include "control-plane/keys/aead.h"
#include "control-plane/keys/check_master_key.h"
#include "core/encoding.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::size_t kKeyIdBytes = 9;  // 72 random bits: an id is a name, not a secret

std::vector<KeyFacts> facts_of(const Rows& rows) {
  std::vector<KeyFacts> keys;
  for (const Row row : rows) {
    keys.push_back({.id = row.text("id"),
                    .purpose = row.text("purpose"),
                    .state = row.text("state"),
                    .created_at = row.time("created_at"),
                    .is_exported = !row.is_null("exported_at")});
  }
  return keys;
}

}  // namespace

std::vector<KeyFacts> list_keys(Transaction& tx) {
  return facts_of(
      tx.query("SELECT id, purpose, state, created_at, exported_at FROM keys"
               " ORDER BY purpose, state, id"));
}

std::vector<KeyFacts> list_keys(Transaction& tx, std::string_view purpose) {
  return facts_of(
      tx.query("SELECT id, purpose, state, created_at, exported_at FROM keys WHERE purpose = ?1"
               " ORDER BY state, id",
               purpose));
}

Result<std::vector<StoredKey>> read_keys(Transaction& tx, const MasterKey& master_key,
                                         std::string_view purpose) {
  std::vector<StoredKey> keys;
  for (const Row row : tx.query("SELECT id, state, wrapped FROM keys WHERE purpose = ?1"
                                " ORDER BY state, created_at, id",
                                purpose)) {
    const std::string id = row.text("id");
    auto key = master_key.unwrap(id, purpose, row.blob("wrapped"));
    if (!key) return propagate(key);
    if (key->size() != kAeadKeySize) {
      return fail(ErrorCode::untrusted, fmt::format("key {} has a wrong size", id));
    }
    keys.push_back({.id = id, .state = row.text("state"), .key = std::move(*key)});
  }
  return keys;
}

Result<void> create_key(Transaction& tx, const MasterKey& master_key, std::string_view purpose,
                        std::string_view state) {
  if (auto ours = check_master_key(tx, master_key); !ours) return ours;
  const std::string id = random_token(kKeyIdBytes);
  SecretBuffer key(kAeadKeySize);
  randombytes_buf(key.expose().data(), key.size());
  tx.execute({"INSERT INTO keys (id, purpose, state, wrapped, created_at)"
              " VALUES (?1, ?2, ?3, ?4, unixepoch() * 1000)",
              "INSERT INTO keys (id, purpose, state, wrapped, created_at)"
              " VALUES (?1, ?2, ?3, ?4, CAST(extract(epoch FROM now()) AS bigint) * 1000)"},
             id, purpose, state, master_key.wrap(id, purpose, key));
  return {};
}

}  // namespace agent_secrets::control_plane
