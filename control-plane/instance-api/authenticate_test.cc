#include "control-plane/instance-api/authenticate.h"

#include "tests/fakes/test_region.h"

namespace agent_secrets::control_plane {
namespace {

std::string refusal(const TestRegion& region, const Request& request) {
  const Response response = region.api->bundle(request);
  CHECK(response.status == 401);
  CHECK(response.body.find_first_of("[]") == std::string::npos);
  CHECK(header_of(response, "WWW-Authenticate") == "AgentProof");
  return member(response, "code");
}

TEST_CASE("a request without an Authorization header is malformed") {
  const TestRegion region;
  Request request = region.bundle_request();
  request.headers.clear();
  CHECK(refusal(region, request) == "malformed");
}

TEST_CASE("two Authorization headers are malformed even if both are good") {
  const TestRegion region;
  Request request = region.bundle_request();
  std::string& header = request.headers["authorization"];
  header += ", " + header;
  CHECK(refusal(region, request) == "malformed");
}

TEST_CASE("another scheme is malformed") {
  const TestRegion region;
  Request request = region.bundle_request();
  request.headers["authorization"] = "Bearer abc";
  CHECK(refusal(region, request) == "malformed");
}

TEST_CASE("a key id that no region knows is unknown") {
  const TestRegion region;
  Request request = region.bundle_request();
  request.headers["authorization"] = make_request_proof(region.claims("/instance/v1/bundle"),
                                                        "ak_other", region.credential->signing_key);
  CHECK(refusal(region, request) == "unknown-key");
}

TEST_CASE("a proof that another key signed is refused") {
  const TestRegion region;
  Request request = region.bundle_request();
  request.headers["authorization"] =
      make_request_proof(region.claims("/instance/v1/bundle"), "ak_one", signing_key(0x99));
  CHECK(refusal(region, request) == "bad-signature");
}

TEST_CASE("a foreign audience is refused even if the Host header matches it") {
  const TestRegion region;
  ProofClaims claims = region.claims("/instance/v1/bundle");
  claims.audience = "https://elsewhere.example";
  Request request = region.request(claims);
  request.headers["host"] = "elsewhere.example";
  CHECK(refusal(region, request) == "wrong-audience");
}

TEST_CASE("a proof serves no other path, query or method") {
  const TestRegion region;
  Request request = region.bundle_request();
  request.target = "/instance/v1/watch";
  CHECK(refusal(region, request) == "wrong-request");
  request.target = "/instance/v1/bundle?x=1";
  CHECK(refusal(region, request) == "wrong-request");
  request.target = "/instance/v1/bundle";
  request.method = "POST";
  CHECK(refusal(region, request) == "wrong-request");
}

TEST_CASE("a replay within the window is answered again") {
  TestRegion region;
  const Request request = region.bundle_request();
  CHECK(region.api->bundle(request).status == 200);
  region.clock.advance(std::chrono::seconds(299));
  CHECK(region.api->bundle(request).status == 200);
}

TEST_CASE("a proof past the window is clock skew, and the date is left to the server") {
  TestRegion region;
  const Request request = region.bundle_request();
  region.clock.advance(std::chrono::seconds(301));
  CHECK(refusal(region, request) == "clock-skew");
  CHECK(header_of(region.api->bundle(request), "Date").empty());
}

TEST_CASE("a proof does not age while its request is parked") {
  TestRegion region;
  Request request = region.watch_request();
  region.clock.advance(std::chrono::seconds(340));
  request.waited = std::chrono::seconds(50);
  CHECK(std::get<Response>(region.api->watch(request)).status == 200);
}

TEST_CASE("a region store that is down is 503, never 401") {
  const TestRegion region;
  region.store->down = true;
  const Response response = region.api->bundle(region.bundle_request());
  CHECK(response.status == 503);
  CHECK(header_of(response, "Retry-After") == "2");
  CHECK(response.body.find("fire") == std::string::npos);
}

TEST_CASE("one region's outage does not hide another region's credential") {
  TestRegion region;
  TestRegion broken;
  broken.store->down = true;
  std::vector<InstanceRegion> both{broken.regions.front(), region.regions.front()};
  region.regions.swap(both);
  CHECK(region.api->bundle(region.bundle_request()).status == 200);
}

TEST_CASE("a credential that may be in a region that is left out is 503, never 401") {
  TestRegion region;
  std::vector<InstanceRegion> left_out;
  region.regions.swap(left_out);
  region.are_all_regions = false;
  const Response response = region.api->bundle(region.bundle_request());
  CHECK(response.status == 503);
  CHECK(header_of(response, "Retry-After") == "2");
}

TEST_CASE("a region that is added while requests run is served from the next request on") {
  TestRegion region;
  std::vector<InstanceRegion> later;
  region.regions.swap(later);
  CHECK(refusal(region, region.bundle_request()) == "unknown-key");
  region.regions.swap(later);
  CHECK(region.api->bundle(region.bundle_request()).status == 200);
}

}  // namespace
}  // namespace agent_secrets::control_plane
