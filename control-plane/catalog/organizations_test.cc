#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {

TEST_CASE("names of organizations and regions are unique and valid") {
  TestStores t;
  CHECK(refusal(t.catalog().organizations.create(kAdmin, "acme", "", "us-west")).code ==
        ErrorCode::conflict);
  CHECK(refusal(t.catalog().organizations.create(kAdmin, "Acme!", "", "us-west")).code ==
        ErrorCode::invalid);
  CHECK(refusal(t.catalog().organizations.create(kAdmin, "other", "", "mars")).code ==
        ErrorCode::invalid);
  CHECK(refusal(t.catalog().regions.add(kAdmin, {.code = "../x", .display_name = "X"})).code ==
        ErrorCode::invalid);
  CHECK(refusal(t.catalog().regions.add(kAdmin, {.code = "us-east", .display_name = ""})).code ==
        ErrorCode::invalid);
  CHECK(refusal(t.catalog().regions.add(kAdmin, {.code = "us-west", .display_name = "X"})).code ==
        ErrorCode::conflict);
}

TEST_CASE("a set without a region is stored in its organization's default region") {
  TestStores t;
  need(t.catalog().organizations.set_default_region(kAdmin, t.acme, "eu-central"));
  CHECK(t.write("bot-secrets", "A", "1").region == "eu-central");
  CHECK(refusal(t.catalog().organizations.set_default_region(kAdmin, t.acme, "mars")).code ==
        ErrorCode::invalid);
}

TEST_CASE("a setting has the value of the last put()") {
  TestStores t;
  CHECK_FALSE(need(t.catalog().settings.find("public-url")).has_value());
  need(t.catalog().settings.put("public-url", "https://one.example"));
  need(t.catalog().settings.put("public-url", "https://two.example"));
  CHECK(need(t.catalog().settings.find("public-url")) == "https://two.example");
}

}  // namespace agent_secrets::control_plane
