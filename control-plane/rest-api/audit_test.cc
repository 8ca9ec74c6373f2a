#include "control-plane/audit/keeper.h"
#include "control-plane/rest-api/test_api.h"
#include "control-plane/test_stores.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

class AuditFixture : public RestFixture {
 public:
  AuditFixture() {
    need(catalog().tokens.add(kAdmin, organization_id("acme"), "boss", Role::admin,
                              hash_bearer("pcc_pat_boss")));
  }
  Answer read(const std::string& path) {
    return ask("GET", "/v1/organizations/acme/audit" + path, "", "pcc_pat_boss");
  }
  static std::vector<std::string> actions(const Answer& answer) {
    REQUIRE(answer.status == 200);
    std::vector<std::string> found;
    for (const auto& record : answer.body.at("records").as_array()) {
      found.emplace_back(record.at("action").as_string());
    }
    return found;
  }
};

}  // namespace

TEST_CASE("an admin reads the own organization's records, newest first") {
  AuditFixture api;
  api.make_ready_set("bot-secrets");
  CHECK(AuditFixture::actions(api.read("")) == std::vector<std::string>{"set.write", "token.create",
                                                                        "token.create",
                                                                        "organization.create"});
  const auto answer = api.read("");
  const auto& record = answer.body.at("records").at(0);
  CHECK(record.at("actor").at("kind") == "token");
  CHECK(record.at("actor").at("name") == "first");
  CHECK(record.at("object") == "set bot-secrets");
  CHECK(record.at("organization") == "acme");
}

TEST_CASE("a member does not read the audit log") {
  AuditFixture api;
  CHECK(api.org("GET", "/audit").status == 403);
  CHECK(api.org("GET", "/audit/checkpoint").status == 403);
}

TEST_CASE("records come in pages, each with the id at which the next one begins") {
  AuditFixture api;
  for (std::int64_t i = 0; i < limits::kAuditPage; ++i) {
    need(api.catalog().allowed_names.allow(kAdmin, api.organization_id("acme"), "LD_PRELOAD"));
  }
  const Answer first = api.read("");
  CHECK(AuditFixture::actions(first).size() == static_cast<std::size_t>(limits::kAuditPage));
  const Answer second = api.read("?before=" + std::to_string(first.body.at("before").as_int64()));
  CHECK(AuditFixture::actions(second) ==
        std::vector<std::string>{"token.create", "token.create", "organization.create"});
  CHECK_FALSE(second.body.as_object().contains("before"));
}

TEST_CASE("what is not an id or a region is refused") {
  AuditFixture api;
  for (const char* before : {"x", "0", "-1", "1x", ""}) {
    CHECK(api.read(std::string("?before=") + before).status == 400);
  }
  CHECK(api.read("?region=nowhere").status == 400);
  CHECK(api.read("/checkpoint?region=nowhere").status == 400);
}

TEST_CASE("a region's log has the bundles of the organization") {
  AuditFixture api;
  CHECK(AuditFixture::actions(api.read("?region=us-west")).empty());
}

TEST_CASE("the newest checkpoint is shown with what it says") {
  AuditFixture api;
  CHECK(api.read("/checkpoint").status == 404);
  FakeClock clock;
  const Log log("test", LogLevel::error, LogFormat::json);
  AuditLog audit = api.catalog().audit.log();
  AuditKeeper(
      std::string(kCatalogLog), audit, api.catalog().context.audit_keys, [] { return true; }, clock,
      log)
      .finish();
  const Answer answer = api.read("/checkpoint");
  REQUIRE(answer.status == 200);
  CHECK(answer.body.at("log") == "catalog");
  CHECK(answer.body.at("position").as_int64() == need(audit.head()).size);
  CHECK(answer.body.at("hash").as_string() == hex(need(audit.head()).hash));
  CHECK(answer.body.at("checkpoint").as_string() == *need(audit.newest_checkpoint()));
}

}  // namespace agent_secrets::control_plane
