#include "control-plane/catalog/restored_copy.h"

#include <chrono>

#include "control-plane/catalog/backups.h"
#include "control-plane/database/timeline.h"
#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

void go_on(TestStores& stores) {
  need(stores.catalog().context.database->write("go on", [](Transaction& tx) -> Result<void> {
    raise_numbers(tx);
    forget_server_of_catalog(tx);
    return {};
  }));
}

std::int64_t highest(TestStores& stores, const Sql& sql) {
  return need(stores.catalog().context.database->read("ids", [&](Transaction& tx) {
    return Result<std::int64_t>(tx.query(sql).front().integer("highest"));
  }));
}

}  // namespace

TEST_CASE("a restored catalog gives no sequence, revision and id again", "[catalog]") {
  TestStores stores;
  stores.write("bot-secrets", "A", "1");
  stores.provision();
  need(stores.catalog().deploys.create_agent(kAdmin, stores.acme, deploy_of("bot", "bot-secrets")));
  stores.provision();
  const Agent before = stores.agent("bot");
  const auto snapshot = stores.snapshot(before.id);
  go_on(stores);
  stores.write("new-secrets", "A", "1");
  CHECK(highest(stores, "SELECT max(id) AS highest FROM sets") > kFailoverStep);
  // Also in a table that had no row at the time of the backup.
  need(stores.catalog().users.add("ann", "ann@example.com"));
  CHECK(highest(stores, "SELECT max(id) AS highest FROM users") > kFailoverStep);
  stores.provision();
  CHECK(stores.snapshot(before.id).sequence == snapshot.sequence + kFailoverStep);
  CHECK(stores.snapshot(before.id).revision > snapshot.revision);
}

TEST_CASE("the catalog knows the time of the last backup", "[catalog]") {
  TestStores stores;
  Settings& settings = stores.catalog().settings;
  CHECK_FALSE(need(find_last_backup(settings)));
  need(record_backup(settings, std::chrono::milliseconds(1'700'000'000'123)));
  need(record_backup(settings, std::chrono::milliseconds(1'800'000'000'123)));
  CHECK(need(find_last_backup(settings)) == std::chrono::milliseconds(1'800'000'000'123));
}

}  // namespace agent_secrets::control_plane
