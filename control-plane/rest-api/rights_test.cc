// Roles. tests/security/test_rights.py has the whole table, with every kind of token and key.
#include "control-plane/rest-api/rights.h"

#include <string>

#include "control-plane/rest-api/test_api.h"
#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

constexpr const char* kOneKey = R"({"secrets":[{"secretKey":"A","secretValue":"1"}]})";

// The user vera, a viewer of acme and a member of other, with the token "pcc_pat_vera".
class RightsFixture : public RestFixture {
 public:
  RightsFixture() {
    vera = need(catalog().users.add(kAdmin, "vera", "")).id;
    give(Role::viewer);
    need(catalog().users.put_membership(kAdmin, vera, organization_id("other"), Role::member));
    need(catalog().tokens.add_for_user(kAdmin, vera, {}, "laptop", hash_bearer("pcc_pat_vera")));
  }
  void give(Role role) {
    need(catalog().users.put_membership(kAdmin, vera, organization_id("acme"), role));
  }
  Answer write(const std::string& organization, const std::string& token = "pcc_pat_vera") {
    return ask("PUT", "/v1/organizations/" + organization + "/secrets/bot", kOneKey, token);
  }

  std::int64_t vera = 0;
};

}  // namespace

TEST_CASE("a viewer reads, and the refusal of a write says which role is needed") {
  RightsFixture api;
  CHECK(api.ask("GET", "/v1/organizations/acme/secrets", "", "pcc_pat_vera").status == 200);
  const Answer refused = api.write("acme");
  CHECK(refused.status == 403);
  CHECK(refused.body ==
        error("This needs the role member. The role of user 'vera' in 'acme' is viewer. "
              "`secret-control-plane member add vera --role member` gives it that role.",
              "403"));
}

TEST_CASE("a role holds in its organization alone, and a change of it holds at the next request") {
  RightsFixture api;
  CHECK(api.write("other").status == 202);
  CHECK(api.write("acme").status == 403);
  api.give(Role::member);
  CHECK(api.write("acme").status == 202);
  api.give(Role::viewer);
  CHECK(api.write("acme").status == 403);
}

TEST_CASE("an organization's token has its own role") {
  RightsFixture api;
  need(api.catalog().tokens.add(kAdmin, api.organization_id("acme"), "dashboard", Role::viewer,
                                hash_bearer("pcc_pat_dashboard")));
  CHECK(api.ask("GET", "/v1/secrets", "", "pcc_pat_dashboard").status == 200);
  const Answer refused = api.ask("PUT", "/v1/secrets/bot", kOneKey, "pcc_pat_dashboard");
  CHECK(refused.status == 403);
  CHECK(refused.body ==
        error("This needs the role member. The role of token 'dashboard' in 'acme' is viewer. "
              "`secret-control-plane token create NAME --role member` makes a token with it.",
              "FORBIDDEN"));
}

TEST_CASE("a viewer's request is refused before its body is read") {
  RightsFixture api;
  Request request;
  request.method = "PUT";
  REQUIRE(parse_target("/v1/organizations/acme/secrets/bot", request));
  request.headers["authorization"] = "Bearer pcc_pat_vera";
  const Admission admission = api.router().admit(request);
  const auto* refused = std::get_if<Response>(&admission);
  REQUIRE(refused != nullptr);
  CHECK(refused->status == 403);
  CHECK(refused->actor == "user vera (" + std::to_string(api.vera) + ")");
}

TEST_CASE("a text that names no role gives the least rights") {
  for (const char* text : {"", "owner", "Admin", "viewer"}) CHECK(parse_role(text) == Role::viewer);
  for (const Role role : {Role::viewer, Role::member, Role::admin}) {
    CHECK(parse_role(to_string(role)) == role);
  }
  CHECK(Role::viewer < Role::member);
  CHECK(Role::member < Role::admin);
}

TEST_CASE("an admin protects a set, which then shows that it is protected") {
  RightsFixture api;
  api.make_ready_set("prod");
  const std::string path = "/v1/organizations/acme/secrets/prod";
  CHECK(api.org("PATCH", "/secrets/prod", R"({"protected":true})").status == 403);  // a member
  need(api.catalog().users.put_membership(kAdmin, api.vera, api.organization_id("acme"),
                                          Role::admin));
  const auto as_admin = [&](std::string_view method, const std::string& body) {
    return api.ask(method, path, body, "pcc_pat_vera");
  };
  CHECK(as_admin("PATCH", R"({"protected":true})").text == R"({"status":"OK","protected":true})");
  CHECK(as_admin("GET", "").body.at("protected") == true);
  CHECK(api.org("GET", "/secrets").body.at("sets").at(0).at("protected") == true);

  const std::string deploy = R"({"serviceName":"bot","image":"img:1","secretSet":"prod"})";
  const Answer refused = api.org("POST", "/services", deploy);
  CHECK(refused.status == 403);
  CHECK(refused.text.find("'prod' is protected") != std::string::npos);
  CHECK(api.ask("POST", "/v1/organizations/acme/services", deploy, "pcc_pat_vera").status == 200);

  CHECK(as_admin("PATCH", R"({"protected":false})").text == R"({"status":"OK","protected":false})");
  CHECK_FALSE(as_admin("GET", "").body.as_object().contains("protected"));
}

TEST_CASE("a change of a set that cannot be is refused with a sentence") {
  RightsFixture api;
  api.make_ready_set("prod");
  api.give(Role::admin);
  for (const char* body : {"", "no", "[]", "{}", R"({"protected":1})", R"({"other":true})",
                           R"({"protected":true,"other":true})"}) {
    INFO(body);
    CHECK(api.ask("PATCH", "/v1/organizations/acme/secrets/prod", body, "pcc_pat_vera").status ==
          400);
  }
  CHECK(api.ask("PATCH", "/v1/organizations/acme/secrets/none", R"({"protected":true})",
                "pcc_pat_vera")
            .status == 404);
}

}  // namespace agent_secrets::control_plane
