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

CodedRow coded_key(std::string_view id, std::string_view purpose, std::string_view state) {
  CodedRow row("keys", std::string(id));
  row.text(id).text(purpose).text(state);
  return row;
}

// Keys are sorted by state. The database has an index for this rule, which an attacker can drop.
Result<void> refuse_second(const std::vector<StoredKey>& keys, const Authority& codes) {
  for (std::size_t i = 1; i < keys.size(); ++i) {
    if (keys[i].state == kRetired || keys[i].state != keys[i - 1].state) continue;
    codes.refused()->note("keys", keys[i].id);
    return fail(ErrorCode::untrusted,
                fmt::format("{} has two {} keys: {} and {}", keys[i].purpose, keys[i].state,
                            keys[i - 1].id, keys[i].id),
                "somebody changed the database by hand; see 'A row is refused' in "
                "docs/OPERATIONS.md");
  }
  return {};
}

}  // namespace

CodedRow coded_key(const Row& row) {
  return coded_key(row.text("id"), row.text("purpose"), row.text("state"));
}

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
  const Rows rows = tx.query(
      "SELECT id, purpose, state, wrapped, code FROM keys WHERE purpose = ?1"
      " ORDER BY state, created_at, id",
      purpose);
  std::vector<StoredKey> keys;
  for (const Row row : rows) {
    const std::string id = row.text("id");
    auto key = master_key.unwrap(id, purpose, row.blob("wrapped"));
    if (!key) return propagate(key);
    if (key->size() != kAeadKeySize) {
      return fail(ErrorCode::untrusted, fmt::format("key {} has a wrong size", id));
    }
    keys.push_back({.id = id,
                    .purpose = std::string(purpose),
                    .state = row.text("state"),
                    .key = std::move(*key)});
  }
  const Authority codes = master_key.key_codes();
  for (const Row row : rows) codes.require(coded_key(row), stored_code(row));
  if (auto single = refuse_second(keys, codes); !single) return propagate(single);
  return keys;
}

Result<void> create_key(Transaction& tx, const MasterKey& master_key, std::string_view purpose,
                        std::string_view state) {
  if (auto ours = check_master_key(tx, master_key); !ours) return ours;
  const std::string id = random_token(kKeyIdBytes);
  SecretBuffer key(kAeadKeySize);
  randombytes_buf(key.expose().data(), key.size());
  tx.execute({"INSERT INTO keys (id, purpose, state, wrapped, created_at, code)"
              " VALUES (?1, ?2, ?3, ?4, unixepoch() * 1000, ?5)",
              "INSERT INTO keys (id, purpose, state, wrapped, created_at, code)"
              " VALUES (?1, ?2, ?3, ?4, CAST(extract(epoch FROM now()) AS bigint) * 1000, ?5)"},
             id, purpose, state, master_key.wrap(id, purpose, key),
             master_key.key_codes().code(coded_key(id, purpose, state)));
  return {};
}

void change_state(Transaction& tx, const MasterKey& master_key, const StoredKey& key,
                  std::string_view state) {
  tx.execute("UPDATE keys SET state = ?2, code = ?3 WHERE id = ?1", key.id, state,
             master_key.key_codes().code(coded_key(key.id, key.purpose, state)));
}

std::vector<RefusedRow> find_refused_keys(Transaction& tx, const MasterKey& master_key) {
  const Authority codes = master_key.key_codes();
  std::vector<RefusedRow> refused;
  for (const Row row : tx.query("SELECT id, purpose, state, code FROM keys ORDER BY id")) {
    const CodedRow coded = coded_key(row);
    if (!codes.holds(coded, stored_code(row))) refused.push_back({coded.table(), coded.key()});
  }
  return refused;
}

void code_all_keys(Transaction& tx, const MasterKey& master_key) {
  const Authority codes = master_key.key_codes();
  for (const Row row : tx.query("SELECT id, purpose, state FROM keys")) {
    tx.execute_later("UPDATE keys SET code = ?2 WHERE id = ?1", row.text("id"),
                     codes.code(coded_key(row)));
  }
}

}  // namespace agent_secrets::control_plane
