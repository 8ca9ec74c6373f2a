#include "control-plane/audit/verify.h"

#include <algorithm>

#include "control-plane/audit/keeper.h"
#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

// A catalog whose log has some chained records, and two checkpoints: one of a part of the records,
// and one of all of them.
class AuditedCatalog : public TestStores {
 public:
  AuditedCatalog() {
    change(3);
    keep();
    change(3);
    keep();
  }

  void change(int times) {
    for (int i = 0; i < times; ++i) write("bot-secrets", "A", std::to_string(++values_));
  }
  // Chains, and signs a checkpoint.
  void keep() {
    clock.advance(limits::kAuditCheckpointEvery);
    AuditLog audit = catalog().audit.log();
    AuditKeeper(
        std::string(kCatalogLog), audit, catalog().context.audit_keys, [] { return true; }, clock,
        log)
        .finish();
  }
  std::string newest_checkpoint() {
    return need(catalog().audit.log().newest_checkpoint()).value_or("");
  }
  AuditVerification verify(const std::vector<std::string>& kept = {}) {
    AuditLog audit = catalog().audit.log();
    return need(verify_audit(
        audit, kCatalogLog,
        [this](std::string_view kid) { return catalog().context.audit_keys.find(kid); }, kept));
  }
  // The faults after an attacker has written to the database.
  std::string faults_after(const std::string& sql, const std::vector<std::string>& kept = {}) {
    edit("catalog", sql);
    const AuditVerification found = verify(kept);
    std::string text;
    for (const std::string& fault : found.faults) text += fault + "\n";
    return text;
  }

 private:
  int values_ = 0;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// Record 3 is removed, those after it are hashed anew, and the checkpoints of the database are
// removed.
constexpr const char* kWriteAnew =
    "DELETE FROM audit WHERE position = 3;"
    " UPDATE audit SET position = NULL, prev = NULL, hash = NULL WHERE position > 3;"
    " DELETE FROM audit_checkpoints";

// As an attacker adds it, who can write to the database and has no key.
constexpr const char* kAddRecord =
    "INSERT INTO audit (at, actor_kind, actor_id, actor_name, address, organization_id,"
    " organization, action, object, detail, outcome) SELECT at, actor_kind, actor_id, 'mallory',"
    " address, organization_id, organization, action, object, detail, outcome FROM audit"
    " WHERE position = 4";

constexpr const char* kNotWritten = "no server has written the record with id 10";

}  // namespace

TEST_CASE("a log that was not touched is whole, and agrees with its checkpoints") {
  AuditedCatalog t;
  const AuditVerification found = t.verify({t.newest_checkpoint()});
  CHECK(found.faults.empty());
  CHECK(found.first == 1);
  CHECK(found.head.size == 9);  // two regions, an organization, and six writes
  CHECK(found.checkpoints == 3);
  CHECK(found.unchained == 0);
}

TEST_CASE("records that are not chained yet are counted") {
  AuditedCatalog t;
  t.change(2);
  const AuditVerification found = t.verify();
  CHECK(found.faults.empty());
  CHECK(found.unchained == 2);
}

TEST_CASE("verify finds an edited record") {
  AuditedCatalog t;
  const auto column = GENERATE(as<std::string>(), "actor_name", "actor_id", "actor_kind", "address",
                               "action", "object", "detail", "outcome", "organization");
  CHECK(has(t.faults_after("UPDATE audit SET " + column + " = 'other' WHERE position = 4"),
            "record 4 "));
}

TEST_CASE("verify finds an edited number of a record") {
  AuditedCatalog t;
  const auto column = GENERATE(as<std::string>(), "id", "at", "organization_id");
  CHECK(has(t.faults_after("UPDATE audit SET " + column + " = 77777 WHERE position = 4"),
            "record 4 "));
}

TEST_CASE("verify finds a deleted record") {
  AuditedCatalog t;
  CHECK(has(t.faults_after("DELETE FROM audit WHERE position = 4"), "records are missing"));
}

TEST_CASE("verify finds a deleted first record") {
  AuditedCatalog t;
  CHECK(has(t.faults_after("DELETE FROM audit WHERE position = 1"),
            "records 1 to 1 are missing, and no signed cut says so"));
}

TEST_CASE("verify finds a deleted record whose gap was closed") {
  AuditedCatalog t;
  CHECK(has(t.faults_after("DELETE FROM audit WHERE position = 4;"
                           "UPDATE audit SET position = position + 100 WHERE position > 4;"
                           "UPDATE audit SET position = position - 101 WHERE position > 104"),
            "record 4 "));
}

TEST_CASE("verify finds reordered records") {
  AuditedCatalog t;
  CHECK(has(t.faults_after("UPDATE audit SET position = 1000 WHERE position = 4;"
                           "UPDATE audit SET position = 4 WHERE position = 5;"
                           "UPDATE audit SET position = 5 WHERE position = 1000"),
            "record 4 "));
}

TEST_CASE("verify finds an inserted record") {
  AuditedCatalog t;
  CHECK(has(
      t.faults_after("UPDATE audit SET position = position + 100 WHERE position > 4;"
                     "UPDATE audit SET position = position - 99 WHERE position > 104;"
                     "INSERT INTO audit (at, actor_kind, actor_id, actor_name, address,"
                     " organization_id, organization, action, object, detail, outcome, position,"
                     " prev, hash) SELECT at, actor_kind, actor_id, 'mallory', address,"
                     " organization_id, organization, action, object, detail, outcome, 5, hash,"
                     " hash FROM audit WHERE position = 4"),
      "record 5 "));
}

TEST_CASE("a record that an attacker adds at the end is not chained, and verify finds it",
          "[authority]") {
  AuditedCatalog t;
  CHECK(has(t.faults_after(kAddRecord), kNotWritten));
  const auto refused = t.catalog().context.authority.refused()->count();
  t.change(1);
  t.keep();
  CHECK(t.catalog().context.authority.refused()->count() == refused + 1);
  const AuditVerification found = t.verify();
  CHECK(found.head.size == 10);
  REQUIRE(found.faults.size() == 1);
  CHECK(has(found.faults.front(), kNotWritten));
  AuditLog audit = t.catalog().audit.log();
  CHECK_FALSE(need(audit.list_chained(-100)).front().is_authentic);
  CHECK(need(audit.list_refused()) == std::vector<std::int64_t>{10});
  need(audit.adopt());  // an operator says that it is right
  t.keep();
  CHECK(t.verify().faults.empty());
  CHECK(t.verify().head.size == 11);
}

TEST_CASE("a record that an attacker adds with a negative id gets no place in the chain",
          "[authority]") {
  AuditedCatalog t;
  const auto* const id = GENERATE("-3", "0", "-9223372036854775807");
  t.edit("catalog", kAddRecord);
  t.edit("catalog", std::string("UPDATE audit SET id = ") + id + " WHERE position IS NULL");
  t.keep();
  CHECK(t.verify().head.size == 9);
  REQUIRE(t.verify().faults.size() == 1);
  CHECK(has(t.verify().faults.front(), std::string("the record with id ") + id));
}

TEST_CASE("verify finds a record that an attacker has added and chained", "[authority]") {
  AuditedCatalog t;
  t.edit("catalog", kAddRecord);
  AuditLog audit = t.catalog().audit.log();
  const AuditHead head = need(audit.head());
  const std::string prev = hex(head.hash);
  const std::string hash = hex(hash_record(need(audit.list_unchained(0)).front(), 10, head.hash));
  const auto blob = [&](const std::string& digits) {
    return t.postgres ? "decode('" + digits + "', 'hex')" : "x'" + digits + "'";
  };
  const std::string faults = t.faults_after("UPDATE audit SET position = 10, prev = " + blob(prev) +
                                            ", hash = " + blob(hash) + " WHERE position IS NULL");
  CHECK(has(faults, kNotWritten));
  CHECK_FALSE(has(faults, "record 10"));  // the chain itself fits together
}

TEST_CASE("verify finds a copy of a record at the end", "[authority]") {
  AuditedCatalog t;
  t.edit("catalog",
         "INSERT INTO audit (at, actor_kind, actor_id, actor_name, address, organization_id,"
         " organization, action, object, detail, outcome, code) SELECT at, actor_kind, actor_id,"
         " actor_name, address, organization_id, organization, action, object, detail, outcome,"
         " code FROM audit WHERE position = 4");
  t.keep();
  CHECK(t.verify().faults ==
        std::vector<std::string>{"the record with id 10 is a copy of another record"});
}

TEST_CASE("a record that is changed before it is chained is not chained", "[authority]") {
  AuditedCatalog t;
  t.change(1);
  const auto column = GENERATE(as<std::string>(), "actor_name", "actor_id", "actor_kind", "address",
                               "action", "object", "detail", "outcome");
  t.edit("catalog", "UPDATE audit SET " + column + " = 'other' WHERE position IS NULL");
  t.keep();
  CHECK(t.verify().head.size == 9);
  CHECK(t.verify().faults.size() == 1);
}

TEST_CASE("verify finds a record that an attacker takes out of the chain", "[authority]") {
  AuditedCatalog t;
  CHECK(has(t.faults_after("UPDATE audit SET position = -9 WHERE position = 9"),
            "the record with id 9 was taken out of the chain"));
}

TEST_CASE("verify finds a record before the first one") {
  AuditedCatalog t;
  CHECK(has(t.faults_after("INSERT INTO audit (at, actor_kind, actor_id, actor_name, address,"
                           " organization_id, organization, action, object, detail, outcome,"
                           " position, prev, hash) SELECT at, actor_kind, actor_id, 'mallory',"
                           " address, organization_id, organization, action, object, detail,"
                           " outcome, 0, prev, hash FROM audit WHERE position = 1"),
            "position 0, which no server gives"));
}

TEST_CASE("verify finds records that are missing at the end") {
  AuditedCatalog t;
  CHECK(has(t.faults_after("DELETE FROM audit WHERE position > 7"),
            "records are missing at the end: a checkpoint has 9, the log 7"));
}

TEST_CASE("verify finds records that are missing at the end by a kept checkpoint alone") {
  AuditedCatalog t;
  const std::string kept = t.newest_checkpoint();
  CHECK(t.faults_after("DELETE FROM audit WHERE position > 7; DELETE FROM audit_checkpoints")
            .empty());
  CHECK(t.verify({kept}).faults ==
        std::vector<std::string>{"records are missing at the end: a checkpoint has 9, the log 7"});
}

TEST_CASE("verify finds an empty log by a kept checkpoint") {
  AuditedCatalog t;
  const std::string kept = t.newest_checkpoint();
  CHECK(has(t.faults_after("DELETE FROM audit_checkpoints; DELETE FROM audit", {kept}),
            "a checkpoint has 9, the log 0"));
}

TEST_CASE("verify finds a chain that was hashed anew by a kept checkpoint") {
  AuditedCatalog t;
  const std::string kept = t.newest_checkpoint();
  t.edit("catalog", kWriteAnew);
  t.change(1);
  t.keep();  // the attacker has the program, but no checkpoint that is kept somewhere else
  CHECK(t.verify().faults.empty());
  CHECK(t.verify({kept}).faults ==
        std::vector<std::string>{
            "record 9 has another hash than a checkpoint says: the log was written anew"});
}

TEST_CASE("a checkpoint of another key is no checkpoint") {
  AuditedCatalog t;
  TestStores other(t.postgres ? TestedDatabase::postgres : TestedDatabase::sqlite);
  const std::string forged =
      sign_statement(AuditStatementKind::checkpoint, {.log = std::string(kCatalogLog)},
                     other.catalog().context.audit_keys);
  const AuditVerification found = t.verify({forged});
  REQUIRE(found.faults.size() == 1);
  CHECK(has(found.faults.front(), "a kept checkpoint is not valid"));
}

TEST_CASE("the checkpoint of another log is not compared") {
  AuditedCatalog t;
  const std::string other =
      sign_statement(AuditStatementKind::checkpoint, {.log = region_log("us-west"), .position = 99},
                     t.catalog().context.audit_keys);
  CHECK(t.verify({other}).faults.empty());
}

TEST_CASE("the hash of a record is the documented one") {
  const AuditRecord record{.id = 7,
                           .entry = {.at = UnixMs(1'700'000'000'123),
                                     .actor_kind = "token",
                                     .actor_id = "12",
                                     .actor_name = "ci",
                                     .address = "192.0.2.7",
                                     .organization_id = 3,
                                     .organization = "acme",
                                     .action = "set.write",
                                     .object = "set bot-secrets",
                                     .detail = "version 4, keys OPENAI_API_KEY"}};
  CHECK(hex(hash_record(record, 5, {})) ==
        "d90d31bce47daeb4fde36256f6439eec1677853e5d5fcd3e4b68c00898dc816e");
}

}  // namespace agent_secrets::control_plane
