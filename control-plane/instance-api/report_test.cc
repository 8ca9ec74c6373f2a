// The reports about instances that the instance API records.
#include <utility>

#include "tests/fakes/test_region.h"

namespace agent_secrets::control_plane {
namespace {

std::vector<HeardInstance> reports(TestRegion& region) {
  region.store->heard.clear();
  region.recorder.flush();
  return region.store->heard;
}

TEST_CASE("a bundle is reported with the sequence that it has, not with what ran before") {
  TestRegion region;
  region.running_sequence = 0;
  CHECK(region.api->bundle(region.bundle_request()).status == 200);
  const auto heard = reports(region);
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].agent_id == kAgentId);
  CHECK(heard[0].instance == "host-1");
  CHECK(heard[0].kid == "ak_one");
  CHECK(heard[0].sequence == 5);
  CHECK(heard[0].started);
  CHECK_FALSE(heard[0].watched);
}

TEST_CASE("a watch is reported with what the instance says that it runs") {
  TestRegion region;
  region.running_sequence = 3;
  CHECK(region.watch().status == 200);
  const auto heard = reports(region);
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].sequence == 3);
  CHECK_FALSE(heard[0].started);
  CHECK(heard[0].watched);
}

TEST_CASE("a bundle for a look or for a one-shot command starts no instance, any other does") {
  TestRegion region;
  const auto reports_of = [&](const std::string& purpose) {
    Request request = region.request(region.claims("/instance/v1/bundle?purpose=" + purpose));
    request.query["purpose"] = purpose;
    CHECK(region.api->bundle(request).status == 200);
    return reports(region).size();
  };
  CHECK(reports_of("check") == 0);
  CHECK(reports_of("one-shot") == 0);
  CHECK(reports_of("of-a-later-version") == 1);
}

TEST_CASE("a bundle for any purpose and a watch are uses of the credential") {
  TestRegion region;
  const auto uses = [&region] {
    region.recorder.flush();
    return std::exchange(region.store->uses, {});
  };
  Request look = region.request(region.claims("/instance/v1/bundle?purpose=check"));
  look.query["purpose"] = "check";
  CHECK(region.api->bundle(look).status == 200);
  const auto first = uses();
  REQUIRE(first.size() == 1);
  CHECK(first[0].kid == "ak_one");
  CHECK(first[0].agent_id == kAgentId);
  CHECK(region.watch().status == 200);
  CHECK(uses().empty());  // in the same hour
  region.clock.advance(std::chrono::hours(1));
  CHECK(region.watch().status == 200);
  CHECK(uses().size() == 1);
}

TEST_CASE("a bundle for a developer's run is reported as one, and any other purpose is not") {
  TestRegion region;
  const auto is_developers = [&](const std::string& purpose) {
    Request request = region.request(region.claims("/instance/v1/bundle?purpose=" + purpose));
    request.query["purpose"] = purpose;
    CHECK(region.api->bundle(request).status == 200);
    const auto heard = reports(region);
    REQUIRE(heard.size() == 1);
    CHECK(heard[0].started);
    return heard[0].developers_run;
  };
  CHECK(is_developers("develop"));
  CHECK_FALSE(is_developers("developer"));
  CHECK_FALSE(is_developers("bot"));
  CHECK_FALSE(is_developers(""));
}

TEST_CASE("a bundle that is refused starts nothing") {
  TestRegion region;
  region.deploy("", {});
  CHECK(region.api->bundle(region.bundle_request()).status == 409);
  region.revoke();
  CHECK(region.api->bundle(region.bundle_request()).status == 403);
  CHECK(reports(region).empty());
}

TEST_CASE("a request whose proof fails is no report") {
  TestRegion region;
  Request request = region.watch_request();
  request.headers["authorization"].back() ^= 1;
  CHECK(std::get<Response>(region.api->watch(request)).status == 401);
  CHECK(reports(region).empty());
}

TEST_CASE("a parked watch is reported once, as of its arrival") {
  TestRegion region;
  const auto arrived = region.clock.unix_time();
  Request request = region.watch_request(header_of(region.watch(), "ETag"), "wait=50");
  REQUIRE(std::holds_alternative<Wait>(region.api->watch(request)));
  REQUIRE(reports(region).size() == 1);
  CHECK(region.store->heard[0].at == arrived);
  region.clock.advance(std::chrono::seconds(50));
  request.waited = std::chrono::seconds(50);
  REQUIRE(std::holds_alternative<Response>(region.api->watch(request)));
  CHECK(reports(region).empty());
}

TEST_CASE("a watch of a revoked credential is no report") {
  TestRegion region;
  region.revoke();
  CHECK(member(region.watch(), "state") == "revoked");
  CHECK(reports(region).empty());
}

}  // namespace
}  // namespace agent_secrets::control_plane
