#include "control-plane/keys/key_store.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "control-plane/database/database.h"
#include "control-plane/keys/announcements.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kAuditPurpose = "audit";

SigningKey signing_key(const SecretBuffer& seed) {
  return SigningKey::from_seed(std::span<const std::uint8_t, 32>(seed.expose()));
}

bool has_all(std::span<const StoredKey> keys, std::span<const std::string_view> states) {
  return std::ranges::all_of(states, [&](std::string_view state) {
    return std::ranges::find(keys, state, &StoredKey::state) != keys.end();
  });
}

ValueCipher cipher_of(std::string_view purpose, std::vector<StoredKey> keys) {
  std::string active;
  std::map<std::string, SecretBuffer> by_id;
  for (StoredKey& key : keys) {
    if (key.state == kActive) active = key.id;
    by_id.emplace(key.id, std::move(key.key));
  }
  return {std::string(purpose), std::move(by_id), std::move(active)};
}

void mark_exported(Transaction& tx, std::string_view purpose) {
  tx.execute({"UPDATE keys SET exported_at = unixepoch() * 1000 WHERE purpose = ?1",
              "UPDATE keys SET exported_at = CAST(extract(epoch FROM now()) AS bigint) * 1000"
              " WHERE purpose = ?1"},
             purpose);
}

}  // namespace

KeyStore::KeyStore(Database& database, MasterKey master_key)
    : database_(database), master_key_(std::move(master_key)) {}

// One transaction reads and creates the keys, so two processes that start together use the same
// keys. It runs only if a key is missing, so a command beside a server does not wait for the write
// lock.
Result<std::vector<StoredKey>> KeyStore::read_or_create(std::string_view purpose,
                                                        std::span<const std::string_view> states) {
  auto there =
      database_.read("keys", [&](Transaction& tx) { return read_keys(tx, master_key_, purpose); });
  if (!there || has_all(*there, states)) return there;
  return database_.write("keys", [&](Transaction& tx) -> Result<std::vector<StoredKey>> {
    auto keys = read_keys(tx, master_key_, purpose);
    if (!keys) return keys;
    for (const std::string_view state : states) {
      if (has_all(*keys, {&state, 1})) continue;
      if (auto made = create_key(tx, master_key_, purpose, state); !made) return propagate(made);
    }
    return has_all(*keys, states) ? std::move(keys) : read_keys(tx, master_key_, purpose);
  });
}

Result<ValueCipher> KeyStore::cipher(std::string_view purpose) {
  const std::string_view states[] = {kActive};
  auto keys = read_or_create(purpose, states);
  if (!keys) return propagate(keys);
  return cipher_of(purpose, std::move(*keys));
}

// read_keys() has the active key first.
Result<std::vector<SecretBuffer>> KeyStore::authority_keys(std::string_view purpose) {
  const std::string_view states[] = {kActive};
  auto keys = read_or_create(purpose, states);
  if (!keys) return propagate(keys);
  std::vector<SecretBuffer> secrets;
  for (StoredKey& key : *keys) secrets.push_back(std::move(key.key));
  return secrets;
}

Result<Authority> KeyStore::authority(std::string_view purpose, UncodedRows uncoded) {
  auto keys = authority_keys(purpose);
  if (!keys) return propagate(keys);
  if (purpose == kCatalogAuthority) {
    return Authority(purpose, std::move(*keys), uncoded, master_key_.refused());
  }
  return Authority(std::string(purpose), std::move(*keys), uncoded);
}

Result<RegionSigningKeys> KeyStore::signing_keys(std::string_view region) {
  const std::string_view states[] = {kActive, kStandby};
  auto keys = read_or_create(signing_purpose(region), states);
  if (!keys) return propagate(keys);
  std::optional<RegionSigningKeys> result;
  std::vector<VerificationKey> verification_keys;
  for (const StoredKey& key : *keys) {  // the active key comes before the standby key
    if (key.state != kActive && key.state != kStandby) continue;
    SigningKey pair = signing_key(key.key);
    verification_keys.push_back({.kid = key.id, .key = pair.public_key()});
    if (key.state == kActive) {
      result.emplace(RegionSigningKeys{.active_kid = key.id,
                                       .active = std::move(pair),
                                       .verification_keys = {},
                                       .announcements = {}});
    }
  }
  AGENT_SECRETS_ASSERT(result.has_value());
  result->verification_keys = std::move(verification_keys);
  auto announcements = database_.read("announced keys", [&](Transaction& tx) {
    return Result<std::vector<std::string>>(list_announcements(tx, signing_purpose(region)));
  });
  if (!announcements) return propagate(announcements);
  result->announcements = std::move(*announcements);
  return std::move(*result);
}

Result<AuditKeys> KeyStore::audit_keys() {
  const std::string_view states[] = {kActive};
  auto keys = read_or_create(kAuditPurpose, states);
  if (!keys) return propagate(keys);
  const StoredKey& active = *std::ranges::find(*keys, kActive, &StoredKey::state);
  AuditKeys result{.kid = active.id, .key = signing_key(active.key), .verification_keys = {}};
  for (const StoredKey& key : *keys) {
    result.verification_keys.push_back({.kid = key.id, .key = signing_key(key.key).public_key()});
  }
  return result;
}

// The keys are marked before the file is written: a file that was not written does no harm, and a
// mark that is missing would let a rotation begin without the nodes.
Result<RegionKeys> KeyStore::export_region_keys(std::string_view region) {
  const std::string_view active[] = {kActive};
  const std::string data_purpose = data_key_purpose(region);
  auto made = read_or_create(data_purpose, active);
  if (!made) return propagate(made);
  auto signing = signing_keys(region);
  if (!signing) return propagate(signing);
  auto authority = authority_keys(authority_purpose(region));
  if (!authority) return propagate(authority);
  auto exported = database_.write("export the keys", [&](Transaction& tx) -> Result<RegionKeys> {
    auto seeds = read_keys(tx, master_key_, signing_purpose(region));
    if (!seeds) return propagate(seeds);
    auto data = read_keys(tx, master_key_, data_purpose);
    if (!data) return propagate(data);
    mark_exported(tx, data_purpose);
    StoredKey& signs = *std::ranges::find(*seeds, kActive, &StoredKey::state);
    RegionKeys keys{.region = std::string(region),
                    .signing_kid = signs.id,
                    .signing_seed = std::move(signs.key),
                    .data_keys = {},
                    .authority_keys = {},
                    .announcements = list_announcements(tx, signing_purpose(region))};
    for (StoredKey& key : *data)
      keys.data_keys.push_back({.id = key.id, .key = std::move(key.key)});
    return keys;
  });
  if (exported) exported->authority_keys = std::move(*authority);
  return exported;
}

std::string signing_purpose(std::string_view region) { return fmt::format("signing:{}", region); }

Result<ValueCipher> read_cipher(Transaction& tx, const MasterKey& master_key,
                                std::string_view purpose) {
  auto keys = read_keys(tx, master_key, purpose);
  if (!keys) return propagate(keys);
  return cipher_of(purpose, std::move(*keys));
}

}  // namespace agent_secrets::control_plane
