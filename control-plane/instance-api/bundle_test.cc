#include "control-plane/instance-api/bundle.h"

#include "core/bundle.h"
#include "core/key_announcement.h"
#include "tests/fakes/test_region.h"

namespace agent_secrets::control_plane {
namespace {

VerifiedBundle verified(const TestRegion& region, const Response& response) {
  REQUIRE(response.status == 200);
  auto bundle = verify_bundle(response.body, region.credential->identity);
  REQUIRE(bundle);
  return std::move(*bundle);
}

std::string environment(const TestRegion& region) {
  const auto bundle = verified(region, region.api->bundle(region.bundle_request()));
  const auto block = open_bundle(bundle, region.credential->box_key);
  REQUIRE(block);
  std::string text(block->expose_text());
  std::replace(text.begin(), text.end(), '\0', '\n');
  return text;
}

TEST_CASE("the credential that asks can open the bundle") {
  const TestRegion region;
  CHECK(environment(region) == "GREETING=canary-value-two\nKEY=same\n");
}

TEST_CASE("a bundle is never cached") {
  const TestRegion region;
  const Response response = region.api->bundle(region.bundle_request());
  CHECK(response.content_type == "application/jose");
  CHECK(header_of(response, "Cache-Control") == "no-store");
  CHECK(header_of(response, "ETag").empty());
}

TEST_CASE("announced keys are sent with a bundle, and without any there is no header") {
  TestRegion region;
  CHECK(header_of(region.api->bundle(region.bundle_request()), kAnnouncementsHeader).empty());
  region.regions.front().signing_keys = std::make_shared<const RegionSigningKeys>(
      RegionSigningKeys{.active_kid = "region-1",
                        .active = signing_key(0x51),
                        .verification_keys = {},
                        .announcements = {"first", "second"}});
  CHECK(header_of(region.api->bundle(region.bundle_request()), kAnnouncementsHeader) ==
        "first second");
}

TEST_CASE("the facts name deployment, sequence, sets, region, time and the request's nonce") {
  const TestRegion region;
  const auto facts = verified(region, region.api->bundle(region.bundle_request())).facts;
  CHECK(facts.organization == "acme");
  CHECK(facts.agent == "bot");
  CHECK(facts.deployment == "deployment-1");
  CHECK(facts.sequence == 5);
  CHECK(facts.recipient == "ak_one");
  CHECK(facts.sets == std::vector<SetVersion>{{.name = "bot-secrets", .version = 2}});
  CHECK(facts.region == "us-west");
  CHECK(facts.issued_at == std::chrono::seconds(1'700'000'000));
  CHECK(facts.nonce == "nonce-1");
}

TEST_CASE("a pinned version is served although a newer one is ready") {
  TestRegion region;
  region.put_version(kSetId, 3, {{"GREETING", TestRegion::kNewValue}});
  region.turn_ready(3, {"GREETING"});
  CHECK(environment(region) == "GREETING=canary-value-two\nKEY=same\n");
}

TEST_CASE("of two sets with the same key, the later one wins") {
  TestRegion region;
  region.put_version(9, 1, {{"KEY", "later"}});
  region.deploy("deployment-2",
                {TestRegion::pinned(kSetId, "bot-secrets", 2), TestRegion::pinned(9, "more", 1)});
  CHECK(environment(region) == "GREETING=canary-value-two\nKEY=later\n");
}

TEST_CASE("a deployment without a secret set is an empty bundle") {
  TestRegion region;
  region.deploy("deployment-2", {});
  CHECK(environment(region).empty());
}

TEST_CASE("a revoked credential gets no bundle, and no set is read for it") {
  TestRegion region;
  region.revoke();
  const Response response = region.api->bundle(region.bundle_request());
  CHECK(response.status == 403);
  CHECK(member(response, "code") == "revoked");
  CHECK(region.store->version_reads == 0);
}

TEST_CASE("a credential gets a bundle until it expires, without a change in the store") {
  TestRegion region;
  region.snapshot.credentials.at(0).expires_at = region.clock.unix_time() + std::chrono::hours(1);
  region.publish();
  CHECK(region.api->bundle(region.bundle_request()).status == 200);
  region.clock.advance(std::chrono::hours(1));
  const Response response = region.api->bundle(region.bundle_request());
  CHECK(response.status == 403);
  CHECK(member(response, "code") == "expired");
}

TEST_CASE("a deleted agent has no bundle") {
  TestRegion region;
  region.delete_agent();
  const Response response = region.api->bundle(region.bundle_request());
  CHECK(response.status == 404);
  CHECK(member(response, "code") == "deleted");
}

TEST_CASE("an agent that was never deployed has no bundle") {
  TestRegion region;
  region.deploy("", {});
  const Response response = region.api->bundle(region.bundle_request());
  CHECK(response.status == 409);
  CHECK(member(response, "code") == "no-deployment");
}

TEST_CASE("a pinned version that is gone is a conflict that names set and version") {
  TestRegion region;
  REQUIRE(region.store->retain_only({}, {}));
  const Response response = region.api->bundle(region.bundle_request());
  CHECK(response.status == 409);
  CHECK(member(response, "code") == "version-gone");
  CHECK(response.body.find("version 2 of set bot-secrets") != std::string::npos);
}

TEST_CASE("a registered key that nothing can be sealed to is a conflict, not a crash") {
  TestRegion region;
  region.snapshot.credentials.at(0).keys.box = {};
  region.publish();
  const Response response = region.api->bundle(region.bundle_request());
  CHECK(response.status == 409);
  CHECK(member(response, "code") == "not-sealable");
}

}  // namespace
}  // namespace agent_secrets::control_plane
