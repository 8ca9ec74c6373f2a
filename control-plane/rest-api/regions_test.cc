#include "control-plane/rest-api/regions.h"

#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

TEST_CASE("a region is found by its code from the moment at which it is listed") {
  TestStores t;
  std::vector<RestRegion> served;
  const RestRegions regions([&served] { return served; });
  CHECK(regions.all().empty());
  CHECK_FALSE(regions.find("us-west"));
  served.push_back({.code = "us-west", .store = t.region(), .provisioner = *t.provisioner});
  CHECK(&need(regions.find("us-west")).store == &t.region());
  CHECK(regions.all().size() == 1);
}

TEST_CASE("a region that this process does not serve yet is unavailable") {
  const RestRegions regions([] { return std::vector<RestRegion>(); });
  const auto found = regions.find("eu-central");
  REQUIRE_FALSE(found);
  CHECK(found.error().code == ErrorCode::unavailable);
  CHECK(found.error().message == "this process does not serve region eu-central");
}

}  // namespace
}  // namespace agent_secrets::control_plane
