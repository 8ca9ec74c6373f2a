#include "control-plane/rest-api/secret_json.h"

#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

std::string refusal(std::string_view body) {
  const auto write = parse_write_set("set1", body);
  REQUIRE_FALSE(write);
  CHECK(write.error().code == ErrorCode::invalid);
  CHECK(write.error().message.find("canary") == std::string::npos);
  return write.error().message;
}

TEST_CASE("the CLI's body holds one key and waits for more") {
  const auto write = parse_write_set(
      "set1",
      R"({"name":"set1","isImagePullSecret":false,"secretKey":"A","secretValue":"é\n","region":"us-west"})");
  REQUIRE(write);
  CHECK(write->name == "set1");
  CHECK(write->region == "us-west");
  CHECK(write->type == SetType::secret);
  CHECK(write->quiet_period);
  REQUIRE(write->pairs.size() == 1);
  CHECK(write->pairs[0].key == "A");
  CHECK(write->pairs[0].value.expose_text() == "é\n");
}

TEST_CASE("the array body holds several keys and is provisioned at once") {
  const auto write = parse_write_set(
      "set1",
      R"({"secrets":[{"secretKey":"A","secretValue":"1"},{"secretKey":"B","secretValue":"2"}]})");
  REQUIRE(write);
  CHECK_FALSE(write->region);
  CHECK_FALSE(write->quiet_period);
  REQUIRE(write->pairs.size() == 2);
  CHECK(write->pairs[1].value.expose_text() == "2");
}

TEST_CASE("an image pull secret's host ends in a slash, its value is base64") {
  const auto encoded = parse_write_set(
      "ips",
      R"({"isImagePullSecret":true,"secretValue":"dXNlcjp0b2s=","host":"https://r.example"})");
  REQUIRE(encoded);
  CHECK(encoded->type == SetType::image_pull_secret);
  CHECK(encoded->host == "https://r.example/");
  const auto raw = parse_write_set(
      "ips", R"({"isImagePullSecret":true,"secretValue":"user:tok","host":"https://r.example/"})");
  REQUIRE(raw);
  CHECK(raw->host == "https://r.example/");
  CHECK(raw->pairs[0].value.same_content(encoded->pairs[0].value));
}

TEST_CASE("an incomplete image pull secret is refused with the documented sentence") {
  for (const char* body : {R"({"isImagePullSecret":true,"secretValue":"canary"})",
                           R"({"isImagePullSecret":true,"host":"h"})",
                           R"({"isImagePullSecret":true,"secretValue":"canary","host":5})"}) {
    CHECK(refusal(body) ==
          "Must provide isImagePullSecret, host, and secretValue to update an image pull secret");
  }
}

TEST_CASE("what is no write is refused, and never quoted") {
  for (const char* body :
       {"", "canary", R"({"secretValue":"canary")", "[]", "null", "{}", R"({"secrets":[]})",
        R"({"secrets":"canary"})", R"({"secrets":["canary"]})", R"({"secretKey":"A"})",
        R"({"secretKey":"A","secretValue":7})", R"({"secretKey":"","secretValue":"canary"})",
        R"({"secretKey":"A","secretValue":"canary","region":7})",
        R"({"isImagePullSecret":"canary"})", "{\"secretKey\":\"A\",\"secretValue\":\"\xff\"}",
        R"({"secretKey":"A","secretValue":"canary"} trailing)"}) {
    INFO(body);
    refusal(body);
  }
}

}  // namespace
}  // namespace agent_secrets::control_plane
