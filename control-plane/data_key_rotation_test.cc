#include "control-plane/data_key_rotation.h"

#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

#include "control-plane/catalog/reencryption.h"
#include "control-plane/keys/key_rotation.h"
#include "control-plane/keys/key_store.h"
#include "control-plane/region/reencryption.h"
#include "control-plane/test_stores.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

using Values = std::map<std::string, std::string>;
constexpr const char* kRegion = "region:us-west";

std::vector<KeyFacts> keys_of(Catalog& catalog, std::string_view purpose) {
  return need(catalog.context.database->read("keys", [&](Transaction& tx) {
    return Result<std::vector<KeyFacts>>(list_keys(tx, purpose));
  }));
}

std::string active_key(TestStores& t, std::string_view purpose) {
  for (const KeyFacts& key : keys_of(t.catalog(), purpose)) {
    if (key.state == kActive) return key.id;
  }
  FAIL("no active key");
  return {};
}

DataKeyRotation rotate_region(TestStores& t, bool nodes_have_it = false) {
  return need(rotate_region_keys(t.catalog(), t.master_key, "us-west", nodes_have_it,
                                 [&] { return t.place()->open_region("us-west"); }));
}

// Two sets; bot-secrets has two versions, both of which the region keeps.
void fill(TestStores& t) {
  t.write("bot-secrets", "A", "a1");
  t.write("bot-secrets", "B", "b1");
  t.provision();
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot", "bot-secrets")));
  t.write("bot-secrets", "A", "a2");
  t.write("other-secrets", "C", "c1");
  t.provision();
}

// Both databases have every value, and the region compares versions as before.
void check_values(TestStores& t) {
  CHECK(t.served("bot-secrets", 2) == Values{{"A", "a1"}, {"B", "b1"}});
  CHECK(t.served("bot-secrets", 3) == Values{{"A", "a2"}, {"B", "b1"}});
  CHECK(t.served("other-secrets", 1) == Values{{"C", "c1"}});
  const std::int64_t set = t.set("bot-secrets").id;
  CHECK(need(t.region().changed_keys(set, 2, 3)) == std::vector<std::string>{"A"});
  for (const std::int64_t version : {2, 3}) {
    CHECK(texts(need(
              t.catalog().outbox.read_retained("us-west", {.set_id = set, .version = version}))) ==
          t.served("bot-secrets", version));
  }
}

std::int64_t catalog_values_under(TestStores& t, const std::string& key) {
  return need(t.catalog().context.database->read("count", [&](Transaction& tx) {
    return Result<std::int64_t>(count_values_under_key(tx, key));
  }));
}

std::int64_t region_rows_under(TestStores& t, const std::string& key) {
  const auto store = need(t.place()->open_region("us-west"));
  return need(store->read(
      "count", [&](Transaction& tx) { return Result<std::int64_t>(count_under_key(tx, key)); }));
}

}  // namespace

TEST_CASE("a rotation moves every value of the catalog to a new key and deletes the old key") {
  TestStores t;
  fill(t);
  const std::string old_key = active_key(t, kCatalogPurpose);
  REQUIRE(catalog_values_under(t, old_key) == 4);
  const DataKeyRotation rotation = need(rotate_catalog_keys(t.catalog(), t.master_key));
  CHECK(rotation.done == 4);
  CHECK_FALSE(rotation.has_resumed);
  CHECK(rotation.key != old_key);
  CHECK(catalog_values_under(t, old_key) == 0);
  CHECK(catalog_values_under(t, rotation.key) == 4);
  CHECK(keys_of(t.catalog(), kCatalogPurpose).size() == 1);
  check_values(t);
}

TEST_CASE("a rotation moves every value of a region to a new key and deletes the old key") {
  TestStores t;
  fill(t);
  const std::string old_key = active_key(t, kRegion);
  const DataKeyRotation rotation = rotate_region(t);
  CHECK(rotation.done == 2);
  CHECK(region_rows_under(t, old_key) == 0);
  CHECK(region_rows_under(t, rotation.key) == 2 * 5);  // values, and their fingerprints
  CHECK(keys_of(t.catalog(), kRegion).size() == 1);
  check_values(t);  // by a store that was opened before the rotation
  t.reopen();
  check_values(t);
}

TEST_CASE("a rotation gives each version of a region another stamp") {
  TestStores t;
  fill(t);
  const PinnedSet pin{.organization_id = t.acme,
                      .set_id = t.set("bot-secrets").id,
                      .name = "bot-secrets",
                      .version = 2,
                      .latest_version = 3,
                      .changed_keys = {}};
  const std::int64_t before = need(t.region().open_pinned(pin))->stamp;
  CHECK(need(t.region().open_pinned(pin))->stamp == before);
  rotate_region(t);
  CHECK(need(t.region().open_pinned(pin))->stamp != before);
}

TEST_CASE("more values than one transaction takes are all moved") {
  TestStores t;
  WriteSet write = one_key("many-secrets", "K", "v", false);
  write.pairs.clear();
  const std::int64_t count = static_cast<std::int64_t>(limits::kReencryptedValues) * 2 + 1;
  for (std::int64_t i = 0; i < count; ++i) {
    write.pairs.push_back({.key = "K" + std::to_string(i), .value = SecretBuffer::copy_of("v")});
  }
  need(t.catalog().sets.write(kAdmin, t.acme, std::move(write)));
  CHECK(need(rotate_catalog_keys(t.catalog(), t.master_key)).done == count);
  CHECK(keys_of(t.catalog(), kCatalogPurpose).size() == 1);
}

TEST_CASE("another process writes and provisions under the new keys at once after a rotation") {
  TestStores t;
  fill(t);
  Stores elsewhere = need(t.open());
  need(rotate_catalog_keys(*elsewhere.catalog, t.master_key));
  need(rotate_region_keys(*elsewhere.catalog, t.master_key, "us-west", false,
                          [&] { return t.place()->open_region("us-west"); }));
  // These stores have the old keys: the catalog looks in each transaction, and the region's store
  // refuses the ended key.
  t.write("bot-secrets", "A", "a3");
  t.provision();
  CHECK(t.set("bot-secrets").status == SetStatus::ready);
  CHECK(t.served("bot-secrets", 4) == Values{{"A", "a3"}, {"B", "b1"}});
  CHECK(catalog_values_under(t, active_key(t, kCatalogPurpose)) == 4);
  CHECK(need(t.region().changed_keys(t.set("bot-secrets").id, 2, 4)) ==
        std::vector<std::string>{"A"});
}

TEST_CASE("a fingerprint whose values are dropped already ends with its key") {
  TestStores t;
  fill(t);
  t.edit("region-us-west",
         "INSERT INTO value_fingerprints (set_id, version, key, key_id, fingerprint)"
         " SELECT set_id, 9, key, key_id, fingerprint FROM value_fingerprints WHERE key = 'C'"
         " UNION ALL SELECT 999, 9, key, key_id, fingerprint FROM value_fingerprints"
         " WHERE key = 'C'");
  const std::string old_key = active_key(t, kRegion);
  rotate_region(t);
  CHECK(region_rows_under(t, old_key) == 0);
}

TEST_CASE("a value that does not decrypt stops a rotation, which names it and can be finished") {
  TestStores t;
  fill(t);
  t.edit("catalog", "UPDATE set_values SET written_by = 77 WHERE key = 'C'");
  const Error refused = refusal(rotate_catalog_keys(t.catalog(), t.master_key));
  CHECK(refused.code == ErrorCode::untrusted);
  CHECK(refused.message.find("other-secrets") != std::string::npos);
  CHECK(refused.message.find(" C ") != std::string::npos);
  CHECK(keys_of(t.catalog(), kCatalogPurpose).size() == 2);
  t.edit("catalog", "UPDATE set_values SET written_by = 1 WHERE key = 'C'");
  const DataKeyRotation finished = need(rotate_catalog_keys(t.catalog(), t.master_key));
  CHECK(finished.has_resumed);
  CHECK(keys_of(t.catalog(), kCatalogPurpose).size() == 1);
}

TEST_CASE("a region whose keys were exported gets its new key only when its nodes have it") {
  TestStores t;
  fill(t);
  KeyStore keys(*t.catalog().context.database, t.master_key);
  const auto rotate = [&](bool nodes_have_it) {
    return rotate_region_keys(t.catalog(), t.master_key, "us-west", nodes_have_it,
                              [&] { return t.place()->open_region("us-west"); });
  };
  need(keys.export_region_keys("us-west"));
  const std::string old_key = active_key(t, kRegion);
  // The first run makes the key; until it is exported, not even the flag activates it.
  for (const bool nodes_have_it : {false, false, true}) {
    const Error waits = refusal(rotate(nodes_have_it));
    CHECK(waits.code == ErrorCode::conflict);
    CHECK(waits.hint.find("region export-keys us-west") != std::string::npos);
  }
  const RegionKeys exported = need(keys.export_region_keys("us-west"));
  REQUIRE(exported.data_keys.size() == 2);
  CHECK(exported.data_keys[0].id == old_key);  // still encrypts
  CHECK(refusal(rotate(false)).hint.find("--nodes-have-keys") != std::string::npos);
  CHECK(active_key(t, kRegion) == old_key);
  CHECK(need(rotate(true)).key == exported.data_keys[1].id);
  CHECK(region_rows_under(t, old_key) == 0);
  check_values(t);
}

namespace {

enum class When { before_the_transaction, after_the_transaction };

// Counts the transactions of both databases of one process, and kills the process at one of them.
struct Fuse {
  int die_at;
  When when;
  int transactions = 0;
};

class MortalDatabase final : public Database {
 public:
  MortalDatabase(std::unique_ptr<Database> inner, Fuse& fuse)
      : inner_(std::move(inner)), fuse_(fuse) {}
  Result<std::unique_ptr<NoticeListener>> listen(NoticeHandler heard, const Log& log) override {
    return inner_->listen(std::move(heard), log);
  }

 private:
  Result<void> transact(TransactionKind kind, const TransactionBody& body) override {
    const bool last = ++fuse_.transactions == fuse_.die_at;
    if (last && fuse_.when == When::before_the_transaction) ::kill(::getpid(), SIGKILL);
    bool is_refused = false;
    const auto work = [&](Transaction& tx) -> Result<void> {
      is_refused = !body(tx);
      if (is_refused) return fail(ErrorCode::failed, "refused");
      return {};
    };
    auto done = kind == TransactionKind::read ? inner_->read("", work) : inner_->write("", work);
    if (last) ::kill(::getpid(), SIGKILL);
    return is_refused ? Result<void>() : std::move(done);
  }
  std::unique_ptr<Database> inner_;
  Fuse& fuse_;
};

// In the child: exit code 0 if the fuse allows more transactions than there are.
[[noreturn]] void rotate_until_the_fuse_burns(TestStores& t, int die_at, When when) {
  const auto place = t.place();
  Fuse fuse{.die_at = die_at, .when = when};
  auto database = place->open_catalog();
  if (!database) ::_exit(1);
  KeyStore keys(**database, t.master_key);
  auto audit_keys = keys.audit_keys();
  auto authority = keys.authority(kCatalogAuthority, UncodedRows::refused);
  if (!audit_keys || !authority) ::_exit(1);
  Catalog catalog(std::make_unique<MortalDatabase>(std::move(*database), fuse), t.master_key,
                  std::move(*audit_keys), std::move(*authority), t.clock);
  const auto open_store = [&]() -> Result<std::unique_ptr<Database>> {
    auto store = place->open_region("us-west");
    if (!store) return store;
    return std::make_unique<MortalDatabase>(std::move(*store), fuse);
  };
  const bool done = rotate_catalog_keys(catalog, t.master_key) &&
                    rotate_region_keys(catalog, t.master_key, "us-west", false, open_store);
  ::_exit(done ? 0 : 1);
}

// True when the child was killed, false when it finished.
bool killed(TestStores& t, int die_at, When when) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) rotate_until_the_fuse_burns(t, die_at, when);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) {
    REQUIRE(WTERMSIG(status) == SIGKILL);
    return true;
  }
  REQUIRE(WEXITSTATUS(status) == 0);
  return false;
}

int survive_every_crash(When when) {
  const TestedDatabase database = GENERATE(from_range(tested_databases()));
  for (int die_at = 1;; ++die_at) {
    TestStores t(database);
    fill(t);
    t.close();
    const bool was_killed = killed(t, die_at, when);
    INFO("killed at transaction " << die_at);
    t.reopen();
    check_values(t);
    t.write("bot-secrets", "A", "a3");
    t.provision();
    CHECK(t.served("bot-secrets", 4) == Values{{"A", "a3"}, {"B", "b1"}});
    need(rotate_catalog_keys(t.catalog(), t.master_key));
    rotate_region(t);
    CHECK(keys_of(t.catalog(), kCatalogPurpose).size() == 1);
    CHECK(keys_of(t.catalog(), kRegion).size() == 1);
    CHECK(t.served("bot-secrets", 2) == Values{{"A", "a1"}, {"B", "b1"}});
    CHECK(t.served("bot-secrets", 4) == Values{{"A", "a3"}, {"B", "b1"}});
    if (!was_killed) return die_at - 1;
  }
}

}  // namespace

TEST_CASE("a rotation that is killed before any transaction loses nothing and can be finished") {
  CHECK(survive_every_crash(When::before_the_transaction) >= 10);
}

TEST_CASE("a rotation that is killed after any transaction loses nothing and can be finished") {
  CHECK(survive_every_crash(When::after_the_transaction) >= 10);
}

}  // namespace agent_secrets::control_plane
