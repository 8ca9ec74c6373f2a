// Regions and properties.
#include "control-plane/rest-api/test_api.h"

namespace agent_secrets::control_plane {

TEST_CASE("a changed property is answered flat to the CLI, and with its schema below /v1") {
  RestFixture api;
  CHECK(api.org("PATCH", "/properties", R"({"defaultRegion":"eu-central"})").text ==
        R"({"properties":{"defaultRegion":"eu-central"}})");
  const auto schema = api.ask("PATCH", "/v1/properties", R"({"defaultRegion":"us-west"})")
                          .body.at("properties")
                          .at("defaultRegion");
  CHECK(schema.at("currentValue") == "us-west");
  CHECK(schema.at("default") == "us-west");
  CHECK(schema.at("availableValues") == boost::json::array{"us-west", "eu-central"});
}

TEST_CASE("an update of properties that is not one says why, and changes nothing") {
  RestFixture api;
  const std::pair<const char*, const char*> refused[] = {
      {"{}", "No properties provided"},
      {R"({"colour":"red"})", "Property 'colour' is not a valid property. There is: defaultRegion"},
      {R"({"defaultRegion":"eu-central","colour":"red"})",
       "Property 'colour' is not a valid property. There is: defaultRegion"},
      {R"({"defaultRegion":7})", "Property 'defaultRegion' must be a string"},
      {R"({"defaultRegion":"mars"})",
       "Invalid region 'mars'. Valid regions are: eu-central, us-west"},
      {"eu-central", "The request body must be a JSON object"}};
  for (const auto& [body, sentence] : refused) {
    CHECK(api.org("PATCH", "/properties", body).body == error(sentence, "400"));
    CHECK(api.ask("PATCH", "/v1/properties", body).body == error(sentence, "GENERIC_BAD_REQUEST"));
  }
  CHECK(api.org("GET", "/properties").text == R"({"properties":{"defaultRegion":"us-west"}})");
}

TEST_CASE("a set without a region is in the organization's default region") {
  RestFixture api;
  REQUIRE(api.org("PATCH", "/properties", R"({"defaultRegion":"eu-central"})").status == 200);
  const std::string pair = R"({"secretKey":"A","secretValue":"1"})";
  CHECK(api.org("PUT", "/secrets/here", pair).body.at("region") == "eu-central");
  CHECK(api.ask("PUT", "/v1/secrets/there", pair, "pcc_pat_other").body.at("region") == "us-west");
}

TEST_CASE("a set's name is taken in every region") {
  RestFixture api;
  api.make_ready_set("bot-secrets", "us-west");
  CHECK(api.org("PUT", "/secrets/bot-secrets",
                R"({"secretKey":"A","secretValue":"1","region":"eu-central"})")
            .body ==
        error("Secret set 'bot-secrets' is in region 'us-west' and cannot be moved to region "
              "'eu-central'.",
              "400"));
}

TEST_CASE("a set or an image pull secret of another region cannot be bound, and both are named") {
  RestFixture api;
  api.make_ready_set("eu-secrets", "eu-central");
  REQUIRE(api.org("PUT", "/secrets/eu-registry",
                  R"({"isImagePullSecret":true,"secretValue":"dXNlcjp0b2s=",)"
                  R"("host":"registry.example","region":"eu-central"})")
              .status == 202);
  api.provision();
  CHECK(api.org("POST", "/services",
                R"({"serviceName":"bot","image":"i:1","secretSet":"eu-secrets"})")
            .text.find("region 'eu-central', the service in region 'us-west'") !=
        std::string::npos);
  const Answer registry =
      api.org("POST", "/services",
              R"({"serviceName":"bot","image":"i:1","imagePullSecretSet":"eu-registry"})");
  CHECK(registry.status == 400);
  CHECK(registry.text.find("'eu-central'") != std::string::npos);
  CHECK(api.org("GET", "/services/bot").status == 404);
}

}  // namespace agent_secrets::control_plane
