#include "control-plane/keys/key_store.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <sodium.h>

#include "control-plane/database/database.h"
#include "control-plane/keys/aead.h"
#include "core/encoding.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::size_t kKeyIdBytes = 9;  // 72 random bits: an id is a name, not a secret
constexpr std::string_view kActive = "active";
constexpr std::string_view kStandby = "standby";
constexpr std::string_view kAuditPurpose = "audit";

std::string signing_purpose(std::string_view region) { return fmt::format("signing:{}", region); }

SigningKey signing_key(const SecretBuffer& seed) {
  return SigningKey::from_seed(std::span<const std::uint8_t, 32>(seed.expose()));
}

}  // namespace

KeyStore::KeyStore(Database& database, const MasterKey& master_key)
    : database_(database), master_key_(master_key) {}

void KeyStore::create(Transaction& tx, std::string_view purpose, std::string_view state) {
  const std::string id = random_token(kKeyIdBytes);
  SecretBuffer key(kAeadKeySize);
  randombytes_buf(key.expose().data(), key.size());
  tx.execute({"INSERT INTO keys (id, purpose, state, wrapped, created_at)"
              " VALUES (?1, ?2, ?3, ?4, unixepoch() * 1000)",
              "INSERT INTO keys (id, purpose, state, wrapped, created_at)"
              " VALUES (?1, ?2, ?3, ?4, CAST(extract(epoch FROM now()) AS bigint) * 1000)"},
             id, purpose, state, master_key_.wrap(id, purpose, key));
}

Result<std::vector<KeyStore::Key>> KeyStore::read(Transaction& tx, std::string_view purpose) {
  std::vector<Key> keys;
  for (const Row row : tx.query("SELECT id, state, wrapped FROM keys WHERE purpose = ?1"
                                " ORDER BY state, created_at, id",
                                purpose)) {
    const std::string id = row.text("id");
    auto key = master_key_.unwrap(id, purpose, row.blob("wrapped"));
    if (!key) return propagate(key);
    if (key->size() != kAeadKeySize) {
      return fail(ErrorCode::untrusted, fmt::format("key {} has a wrong size", id));
    }
    keys.push_back({.id = id, .state = row.text("state"), .key = std::move(*key)});
  }
  return keys;
}

bool KeyStore::has_all(std::span<const Key> keys, std::span<const std::string_view> states) {
  return std::ranges::all_of(states, [&](std::string_view state) {
    return std::ranges::find(keys, state, &Key::state) != keys.end();
  });
}

// One transaction reads and creates the keys, so two processes that start together use the same
// keys. It runs only if a key is missing, so a command beside a server does not wait for the write
// lock.
Result<std::vector<KeyStore::Key>> KeyStore::read_or_create(
    std::string_view purpose, std::span<const std::string_view> states) {
  auto there = database_.read("keys", [&](Transaction& tx) { return read(tx, purpose); });
  if (!there || has_all(*there, states)) return there;
  return database_.write("keys", [&](Transaction& tx) -> Result<std::vector<Key>> {
    auto keys = read(tx, purpose);
    if (!keys) return keys;
    bool created = false;
    for (const std::string_view state : states) {
      if (has_all(*keys, {&state, 1})) continue;
      create(tx, purpose, state);
      created = true;
    }
    return created ? read(tx, purpose) : std::move(keys);
  });
}

Result<ValueCipher> KeyStore::cipher(std::string_view purpose) {
  const std::string_view states[] = {kActive};
  auto keys = read_or_create(purpose, states);
  if (!keys) return propagate(keys);
  std::string active;
  std::map<std::string, SecretBuffer> by_id;
  for (Key& key : *keys) {
    if (key.state == kActive) active = key.id;
    by_id.emplace(key.id, std::move(key.key));
  }
  return ValueCipher(std::string(purpose), std::move(by_id), std::move(active));
}

// read() has the active key first, because the states are sorted.
Result<std::vector<SecretBuffer>> KeyStore::authority_keys(std::string_view purpose) {
  const std::string_view states[] = {kActive};
  auto keys = read_or_create(purpose, states);
  if (!keys) return propagate(keys);
  std::vector<SecretBuffer> secrets;
  for (Key& key : *keys) secrets.push_back(std::move(key.key));
  return secrets;
}

Result<Authority> KeyStore::authority(std::string_view purpose, UncodedRows uncoded) {
  auto keys = authority_keys(purpose);
  if (!keys) return propagate(keys);
  return Authority(std::string(purpose), std::move(*keys), uncoded);
}

Result<RegionSigningKeys> KeyStore::signing_keys(std::string_view region) {
  const std::string_view states[] = {kActive, kStandby};
  auto keys = read_or_create(signing_purpose(region), states);
  if (!keys) return propagate(keys);
  std::optional<RegionSigningKeys> result;
  std::vector<VerificationKey> verification_keys;
  for (const Key& key : *keys) {  // ordered by state: active comes before standby
    if (key.state != kActive && key.state != kStandby) continue;
    SigningKey pair = signing_key(key.key);
    verification_keys.push_back({.kid = key.id, .key = pair.public_key()});
    if (key.state == kActive) {
      result.emplace(RegionSigningKeys{
          .active_kid = key.id, .active = std::move(pair), .verification_keys = {}});
    }
  }
  AGENT_SECRETS_ASSERT(result.has_value());
  result->verification_keys = std::move(verification_keys);
  return std::move(*result);
}

Result<AuditKeys> KeyStore::audit_keys() {
  const std::string_view states[] = {kActive};
  auto keys = read_or_create(kAuditPurpose, states);
  if (!keys) return propagate(keys);
  const Key& active = *std::ranges::find(*keys, kActive, &Key::state);
  AuditKeys result{.kid = active.id, .key = signing_key(active.key), .verification_keys = {}};
  for (const Key& key : *keys) {
    result.verification_keys.push_back({.kid = key.id, .key = signing_key(key.key).public_key()});
  }
  return result;
}

Result<RegionKeys> KeyStore::region_keys(std::string_view region) {
  const std::string_view active[] = {kActive};
  auto signing = read_or_create(signing_purpose(region), active);
  if (!signing) return propagate(signing);
  auto data = read_or_create(data_key_purpose(region), active);
  if (!data) return propagate(data);
  Key& signs = *std::ranges::find(*signing, kActive, &Key::state);
  RegionKeys keys{.region = std::string(region),
                  .signing_kid = signs.id,
                  .signing_seed = std::move(signs.key),
                  .data_keys = {},
                  .authority_keys = {}};
  std::ranges::stable_partition(*data, [](const Key& key) { return key.state == kActive; });
  for (Key& key : *data) keys.data_keys.push_back({.id = key.id, .key = std::move(key.key)});
  auto authority = authority_keys(authority_purpose(region));
  if (!authority) return propagate(authority);
  keys.authority_keys = std::move(*authority);
  return keys;
}

}  // namespace agent_secrets::control_plane
