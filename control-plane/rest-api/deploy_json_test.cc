#include "control-plane/rest-api/deploy_json.h"

#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

std::string refusal(std::string_view body) {
  const auto deploy = parse_deploy(body, "");
  REQUIRE_FALSE(deploy);
  CHECK(deploy.error().code == ErrorCode::invalid);
  return deploy.error().message;
}

TEST_CASE("the CLI's deploy is understood") {
  const auto deploy = parse_deploy(
      R"({"serviceName":"bot","secretSet":"set1","autoScaling":{"minAgents":0},"krispViva":{},
          "image":"img:1","enableKrisp":false,"somethingNew":[1]})",
      "");
  REQUIRE(deploy);
  CHECK(deploy->agent == "bot");
  CHECK(deploy->image == "img:1");
  CHECK(deploy->secret_set == "set1");
  CHECK(deploy->min_agents == 0);
  CHECK_FALSE(deploy->max_agents);
  CHECK_FALSE(deploy->image_pull_secret_set);
  CHECK_FALSE(deploy->force);
  CHECK(deploy->settings.empty());
}

TEST_CASE("an empty set name unbinds, an absent one keeps") {
  const auto deploy = parse_deploy(R"({"serviceName":"bot","secretSet":""})", "");
  REQUIRE(deploy);
  CHECK(deploy->secret_set == "");
  CHECK_FALSE(deploy->image_pull_secret_set);
}

TEST_CASE("the name in the path wins over the body's") {
  const auto deploy = parse_deploy(R"({"serviceName":"other","forceRedeploy":true})", "bot");
  REQUIRE(deploy);
  CHECK(deploy->agent == "bot");
  CHECK(deploy->force);
}

TEST_CASE("settings are kept as JSON, and a null krisp filter removes the setting") {
  const auto deploy = parse_deploy(
      R"({"serviceName":"bot","krispViva":{"audioFilter":"tel"},"agentProfile":"agent-2x",
          "maxSessionDuration":60,"websocketAuth":"token","architecture":"arm64"})",
      "");
  REQUIRE(deploy);
  CHECK(deploy->settings ==
        std::map<std::string, std::optional<std::string>>{{"krispViva", R"({"audioFilter":"tel"})"},
                                                          {"agentProfile", R"("agent-2x")"},
                                                          {"maxSessionDuration", "60"},
                                                          {"websocketAuth", R"("token")"},
                                                          {"architecture", R"("arm64")"}});
  const auto removed =
      parse_deploy(R"({"serviceName":"bot","krispViva":{"audioFilter":null}})", "");
  REQUIRE(removed);
  CHECK(removed->settings.at("krispViva") == std::nullopt);
}

TEST_CASE("what the CLI would wait for in vain is refused at once") {
  CHECK(refusal(R"({"serviceName":"bot","git":{"repoFullName":"a/b"}})").find("repository") !=
        std::string::npos);
  CHECK(refusal(R"({"serviceName":"bot","buildId":"x"})") == "Build not found");
  CHECK(refusal(R"({"serviceName":"bot","buildId":"x","image":"i:1"})") ==
        "Cannot specify both image and buildId. Use one or the other.");
}

TEST_CASE("an image that is no image reference is refused with a sentence") {
  for (const char* image : {"--privileged", "-v=/:/host", "$(id)", "", "Team/Bot:1", "bot:"}) {
    INFO(image);
    const std::string why =
        refusal(std::string(R"({"serviceName":"bot","image":")") + image + R"("})");
    CHECK(why.find("image") != std::string::npos);
    CHECK(why.find_first_of("[]") == std::string::npos);
  }
  CHECK(parse_deploy(R"({"serviceName":"bot","image":"localhost:5000/X:1"})", "").has_value() ==
        false);
  CHECK(parse_deploy(R"({"serviceName":"bot","image":"REGISTRY.example:5000/bot:V1"})", ""));
}

TEST_CASE("wrong types and values are refused by name") {
  for (const char* body : {"",
                           "[]",
                           "{}",
                           R"({"serviceName":7})",
                           R"({"serviceName":"b","image":""})",
                           R"({"serviceName":"b","image":"a b"})",
                           R"({"serviceName":"b","image":7})",
                           R"({"serviceName":"b","image":"[red]a"})",
                           R"({"serviceName":"b\u001b"})",
                           R"({"serviceName":"b","image":"a\u009bb"})",
                           R"({"serviceName":"b","agentProfile":"a\u202eb"})",
                           R"({"serviceName":"b","resources":{"cpu":"\u200b1"}})",
                           R"({"serviceName":"b","agentProfile":"[/]"})",
                           R"({"serviceName":"b","resources":{"cpu":"[1]"}})",
                           R"({"serviceName":"b","autoScaling":{"minAgents":-1}})",
                           R"({"serviceName":"b","autoScaling":{"maxAgents":0}})",
                           R"({"serviceName":"b","autoScaling":{"maxAgents":1.5}})",
                           R"({"serviceName":"b","autoScaling":3})",
                           R"({"serviceName":"b","nodeType":"x86"})",
                           R"({"serviceName":"b","maxSessionDuration":59})",
                           R"({"serviceName":"b","maxSessionDuration":14401})",
                           R"({"serviceName":"b","websocketAuth":"maybe"})",
                           R"({"serviceName":"b","krispViva":{"audioFilter":"loud"}})",
                           R"({"serviceName":"b","forceRedeploy":"yes"})",
                           R"({"serviceName":"b","agentProfile":"p","resources":{"cpu":"1"}})"}) {
    INFO(body);
    refusal(body);
  }
}

}  // namespace
}  // namespace agent_secrets::control_plane
