#include "control-plane/instance-api/bundle_audit.h"

#include "tests/fakes/test_region.h"

namespace agent_secrets::control_plane {

TEST_CASE("a bundle that is handed out is recorded with agent, key id, sequence and instance") {
  const TestRegion region;
  Request request = region.bundle_request();
  request.address = "192.0.2.7";
  REQUIRE(region.api->bundle(request).status == 200);
  REQUIRE(region.store->audited.size() == 1);
  const AuditEntry& entry = region.store->audited.front();
  CHECK(entry.actor_kind == "credential");
  CHECK(entry.actor_id == "ak_one");
  CHECK(entry.actor_name == "bot");
  CHECK(entry.address == "192.0.2.7");
  CHECK(entry.organization == "acme");
  CHECK(entry.action == "bundle.get");
  CHECK(entry.object == "agent bot");
  CHECK(entry.detail == "sequence 5, instance host-1");
  CHECK(entry.outcome == kAuditDone);
}

TEST_CASE("a bundle that is refused is recorded with the status") {
  TestRegion region;
  region.revoke();
  REQUIRE(region.api->bundle(region.bundle_request()).status == 403);
  REQUIRE(region.store->audited.size() == 1);
  CHECK(region.store->audited.front().outcome == kAuditRefused);
  CHECK(region.store->audited.front().detail == "sequence 0, instance host-1, status 403");
}

TEST_CASE("a bundle whose record cannot be written is not sent") {
  const TestRegion region;
  region.store->refuses_audit = true;
  const Response response = region.api->bundle(region.bundle_request());
  CHECK(response.status == 503);
  CHECK(response.content_type == "application/json");
  CHECK(region.store->audited.empty());
}

TEST_CASE("with best effort a bundle is sent at once, and its record is written later") {
  TestRegion region;
  BundleAudit audit("us-west", *region.store, BundleAuditMode::best_effort, region.log);
  region.store->refuses_audit = true;
  CHECK(audit.record({.action = "bundle.get"}));
  audit.flush();
  CHECK(region.store->audited.empty());
  region.store->refuses_audit = false;
  CHECK(audit.record({.action = "bundle.get"}));
  audit.flush();
  CHECK(region.store->audited.size() == 2);
  CHECK(audit.dropped() == 0);
}

TEST_CASE("with best effort a bounded number of records waits, and further ones are counted") {
  TestRegion region;
  BundleAudit audit("us-west", *region.store, BundleAuditMode::best_effort, region.log);
  region.store->refuses_audit = true;
  for (std::size_t i = 0; i < limits::kAuditPending + 3; ++i) CHECK(audit.record({}));
  CHECK(audit.dropped() == 3);
  audit.flush();
  CHECK(audit.dropped() == 3);
  region.store->refuses_audit = false;
  audit.flush();
  CHECK(region.store->audited.size() == limits::kAuditPending);
}

}  // namespace agent_secrets::control_plane
