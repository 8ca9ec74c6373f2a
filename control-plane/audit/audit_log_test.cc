#include "control-plane/audit/audit_log.h"

#include "control-plane/audit/keeper.h"
#include "control-plane/audit/verify.h"
#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

// As `audit cut` makes it.
AuditEntry cut_entry(TestStores& t, const AuditLog::Cut& cut) {
  AuditEntry entry = entry_of(kAdmin, t.clock.unix_time());
  entry.action = kAuditCutAction;
  entry.detail = sign_statement(AuditStatementKind::cut,
                                {.log = std::string(kCatalogLog),
                                 .position = cut.through,
                                 .hash = cut.hash,
                                 .at = t.clock.unix_time()},
                                t.catalog().context.audit_keys);
  return entry;
}

AuditVerification verify(TestStores& t) {
  AuditLog audit = t.catalog().audit.log();
  return need(verify_audit(
      audit, kCatalogLog,
      [&](std::string_view kid) { return t.catalog().context.audit_keys.find(kid); }, {}));
}

// Three records, an hour, and two more.
void fill(TestStores& t) {
  AuditLog audit = t.catalog().audit.log();
  t.clock.advance(std::chrono::hours(1));
  t.write("bot-secrets", "A", "1");
  t.write("bot-secrets", "A", "2");
  CHECK_FALSE(need(audit.chain()));
}

std::int64_t cut(TestStores& t, UnixMs before) {
  AuditLog audit = t.catalog().audit.log();
  const std::int64_t removed =
      need(audit.cut(before, [&](const AuditLog::Cut& found) { return cut_entry(t, found); }));
  CHECK_FALSE(need(audit.chain()));
  return removed;
}

}  // namespace

TEST_CASE("records are chained in order, each with the hash of the one before") {
  TestStores t;
  AuditLog audit = t.catalog().audit.log();
  CHECK(need(audit.head()).size == 0);
  CHECK(need(audit.count_unchained()) == 3);
  CHECK_FALSE(need(audit.chain()));
  const auto records = need(audit.list_chained(0));
  REQUIRE(records.size() == 3);
  AuditHash prev{};
  for (std::size_t i = 0; i < records.size(); ++i) {
    CHECK(records[i].link->position == static_cast<std::int64_t>(i) + 1);
    CHECK(records[i].link->prev == prev);
    prev = records[i].link->hash;
  }
  CHECK(need(audit.head()).hash == prev);
}

TEST_CASE("a record with a lower id that becomes visible later is chained later") {
  TestStores t;
  AuditLog audit = t.catalog().audit.log();
  t.edit("catalog", "UPDATE audit SET id = 1000 WHERE id = 1");
  need(audit.chain());
  t.write("bot-secrets", "A", "1");
  t.edit("catalog", "UPDATE audit SET id = 500 WHERE position IS NULL");
  need(audit.chain());
  CHECK(need(audit.list_chained(0)).back().id == 500);
  CHECK(verify(t).faults.empty());
}

TEST_CASE("an organization's records are listed page by page, newest first") {
  TestStores t;
  for (const char* value : {"1", "2", "3"}) t.write("bot-secrets", "A", value);
  need(t.catalog().organizations.create(kAdmin, "other", "Other", "us-west"));
  AuditLog audit = t.catalog().audit.log();
  const AuditOrganization acme{.id = t.acme, .name = "acme"};
  const auto first = need(audit.list_newest(1'000'000, 2, acme));
  REQUIRE(first.size() == 2);
  CHECK(first.front().entry.detail == "version 3, keys A");
  const auto second = need(audit.list_newest(first.back().id, 10, acme));
  REQUIRE(second.size() == 2);
  CHECK(second.back().entry.action == "organization.create");
  CHECK(
      need(audit.list_newest(1'000'000, 10, AuditOrganization{.id = t.acme, .name = "x"})).empty());
}

TEST_CASE("a cut removes old records, and the rest still verifies") {
  TestStores t;
  fill(t);
  CHECK(cut(t, t.clock.unix_time()) == 3);
  const AuditVerification found = verify(t);
  CHECK(found.faults.empty());
  CHECK(found.first == 4);
  CHECK(found.head.size == 6);  // the cut is the sixth record
}

TEST_CASE("a second cut may remove the record of the first") {
  TestStores t;
  fill(t);
  cut(t, t.clock.unix_time());
  fill(t);
  CHECK(cut(t, t.clock.unix_time()) == 3);
  CHECK(verify(t).faults.empty());
}

TEST_CASE("a cut keeps the last record, from which the chain goes on") {
  TestStores t;
  fill(t);
  CHECK(cut(t, t.clock.unix_time() + std::chrono::hours(1)) == 4);
  CHECK(verify(t).faults.empty());
  CHECK(verify(t).head.size == 6);
}

TEST_CASE("a cut of nothing leaves no record") {
  TestStores t;
  fill(t);
  CHECK(cut(t, UnixMs(0)) == 0);
  CHECK(verify(t).head.size == 5);
}

TEST_CASE("verify finds a record that is missing after a cut") {
  TestStores t;
  fill(t);
  cut(t, t.clock.unix_time());
  t.edit("catalog", "DELETE FROM audit WHERE position = 4");
  REQUIRE_FALSE(verify(t).faults.empty());
  CHECK(verify(t).faults.front() == "records 1 to 4 are missing, and no signed cut says so");
}

TEST_CASE("verify finds a cut that nobody has signed") {
  TestStores t;
  fill(t);
  t.edit(
      "catalog",
      "INSERT INTO audit (at, actor_kind, actor_id, actor_name, address, organization_id,"
      " organization, action, object, detail, outcome) VALUES (0, 'host', '0', 'root', '', 0, '',"
      " 'audit.cut', '', 'e30.e30.AA', 'done'); DELETE FROM audit WHERE position < 3");
  need(t.catalog().audit.log().chain());
  CHECK(verify(t).faults.size() == 2);
}

TEST_CASE("a keeper chains at once, and signs once a minute where there are new records") {
  TestStores t;
  AuditLog audit = t.catalog().audit.log();
  bool may_work = false;
  AuditKeeper keeper(
      std::string(kCatalogLog), audit, t.catalog().context.audit_keys, [&] { return may_work; },
      t.clock, t.log);
  keeper.work_once();
  CHECK(need(audit.count_unchained()) == 3);  // another process keeps the log
  may_work = true;
  keeper.work_once();
  CHECK(need(audit.count_unchained()) == 0);
  CHECK(need(audit.list_checkpoints(0)).size() == 1);
  t.write("bot-secrets", "A", "1");
  keeper.work_once();
  CHECK(need(audit.list_checkpoints(0)).size() == 1);
  t.clock.advance(limits::kAuditCheckpointEvery);
  keeper.work_once();
  CHECK(need(audit.list_checkpoints(0)).size() == 2);
  t.clock.advance(limits::kAuditCheckpointEvery);
  keeper.work_once();
  CHECK(need(audit.list_checkpoints(0)).size() == 2);  // nothing is new
  t.write("bot-secrets", "A", "2");
  keeper.finish();
  CHECK(need(audit.list_checkpoints(0)).size() == 3);
  CHECK(verify(t).checkpoints == 3);
}

TEST_CASE("the region has a log of its own") {
  TestStores t;
  AuditLog* const audit = t.region().audit_log();
  REQUIRE(audit != nullptr);
  AuditEntry entry =
      entry_of({.kind = ActorKind::credential, .id = "ak_1", .name = "bot"}, t.clock.unix_time());
  entry.action = "bundle.get";
  need(t.region().append_audit({&entry, 1}));
  need(audit->chain());
  CHECK(need(audit->head()).size == 1);
  CHECK(need(audit->list_chained(0)).front().entry.actor_id == "ak_1");
}

}  // namespace agent_secrets::control_plane
