// Registering, listing and revoking credentials. catalog/develop_test.cc has the rules of keys for
// development.
#include <array>
#include <cstdint>
#include <string>

#include "control-plane/rest-api/test_api.h"
#include "control-plane/test_stores.h"
#include "core/public_half.h"

namespace agent_secrets::control_plane {
namespace {

// `bot` and its set; an admin with the token "pcc_pat_root". The token of acme is a member's.
class CredentialsFixture : public RestFixture {
 public:
  CredentialsFixture() {
    need(catalog().tokens.add(kAdmin, organization_id("acme"), "root", Role::admin,
                              hash_bearer("pcc_pat_root")));
    make_ready_set("voice");
    REQUIRE(org("POST", "/services", R"({"serviceName":"bot","image":"img:1","secretSet":"voice"})")
                .status == 200);
  }
  static PublicHalf half(std::uint8_t fill) {
    std::array<std::uint8_t, 32> seed{};
    seed.fill(fill);
    return public_half_of(seed);
  }
  // The public half with more members.
  static std::string body(const PublicHalf& half, const std::string& more = "") {
    std::string text = public_half_json(half);
    text.pop_back();
    return text + more + "}";
  }
  Answer as_admin(std::string_view method, const std::string& path, const std::string& text = "") {
    return ask(method, "/v1/organizations/acme" + path, text, "pcc_pat_root");
  }
};

const std::string kPath = "/services/bot/credentials";

}  // namespace

TEST_CASE("an admin registers a credential, and the answer completes the key") {
  CredentialsFixture api;
  const PublicHalf half = CredentialsFixture::half(1);
  const Answer answer = api.as_admin(
      "POST", kPath, CredentialsFixture::body(half, R"(,"label":"rack 4","expiresIn":3600)"));
  CHECK(answer.status == 201);
  const auto identity = parse_identity(answer.text);
  REQUIRE(identity.has_value());
  CHECK(identity->kid == half.kid);
  CHECK(identity->organization == "acme");
  CHECK(identity->agent == "bot");
  CHECK_FALSE(identity->verification_keys.empty());
  CHECK(answer.body.at("purpose") == "bot");
  CHECK(answer.body.at("confirmed") == true);
  CHECK(answer.body.at("expiresAt").is_string());
  const Answer list = api.as_admin("GET", "/credentials");
  CHECK(list.body.at("credentials").at(0).at("label") == "rack 4");
  CHECK(list.body.at("credentials").at(0).at("lastUsedAt").is_null());
  api.use_credential("bot", half.kid);
  CHECK(api.as_admin("GET", "/credentials")
            .body.at("credentials")
            .at(0)
            .at("lastUsedAt")
            .is_string());
  CHECK(api.as_admin("DELETE", "/credentials/" + half.kid).status == 200);
  CHECK(
      api.as_admin("GET", "/credentials").body.at("credentials").at(0).at("revokedAt").is_string());
  CHECK(api.as_admin("DELETE", "/credentials/" + half.kid).status == 200);
  CHECK(api.as_admin("DELETE", "/credentials/none").status == 404);
}

TEST_CASE("a member registers a key for development where that is allowed, and nothing else") {
  CredentialsFixture api;
  const std::string develop =
      CredentialsFixture::body(CredentialsFixture::half(1), R"(,"purpose":"develop")");
  CHECK(api.org("POST", kPath, develop).status == 403);
  need(api.catalog().organizations.let_members_develop(kAdmin, api.organization_id("acme"), true));
  const Answer made = api.org("POST", kPath, develop);
  CHECK(made.status == 201);
  CHECK(made.body.at("expiresAt").is_string());
  CHECK(api.org("POST", kPath, CredentialsFixture::body(CredentialsFixture::half(2))).status ==
        403);
  CHECK(api.org("GET", "/credentials").status == 403);
  CHECK(api.org("DELETE", "/credentials/" + CredentialsFixture::half(1).kid).status == 403);
}

TEST_CASE("a repeated registration is answered like the first") {
  CredentialsFixture api;
  const std::string body = CredentialsFixture::body(CredentialsFixture::half(1));
  const Answer first = api.as_admin("POST", kPath, body);
  const Answer second = api.as_admin("POST", kPath, body);
  CHECK(second.status == 201);
  CHECK(second.text == first.text);
}

TEST_CASE("a registration that cannot be is refused with a sentence") {
  CredentialsFixture api;
  const PublicHalf half = CredentialsFixture::half(1);
  for (const std::string& body :
       {std::string(), std::string("{}"), std::string("no"),
        CredentialsFixture::body(half, R"(,"purpose":"other")"),
        CredentialsFixture::body(half, R"(,"expiresIn":0)"),
        CredentialsFixture::body(half, R"(,"expiresIn":"1h")"),
        CredentialsFixture::body(half, R"(,"purpose":"develop","expiresIn":90000)"),
        CredentialsFixture::body({.kid = "ak_1", .keys = {}})}) {
    INFO(body);
    CHECK(api.as_admin("POST", kPath, body).status == 400);
  }
  CHECK(api.as_admin("POST", "/services/none/credentials", CredentialsFixture::body(half)).status ==
        404);
}

TEST_CASE("an admin touches nothing of another organization") {
  CredentialsFixture api;
  const PublicHalf half = CredentialsFixture::half(1);
  REQUIRE(api.as_admin("POST", kPath, CredentialsFixture::body(half)).status == 201);
  need(api.catalog().tokens.add(kAdmin, api.organization_id("other"), "root", Role::admin,
                                hash_bearer("pcc_pat_elsewhere")));
  const auto elsewhere = [&](std::string_view method, const std::string& path,
                             const std::string& body = "") {
    return api.ask(method, "/v1/organizations/other" + path, body, "pcc_pat_elsewhere");
  };
  CHECK(elsewhere("DELETE", "/credentials/" + half.kid).status == 404);
  CHECK(elsewhere("GET", "/credentials").body.at("credentials").as_array().empty());
  const std::int64_t id = need(api.catalog().tokens.list(api.organization_id("acme"))).at(0).id;
  CHECK(elsewhere("DELETE", "/tokens/" + std::to_string(id)).status == 404);

  const User vera = need(api.catalog().users.add(kAdmin, "vera", ""));
  need(api.catalog().users.put_membership(kAdmin, vera.id, api.organization_id("acme"),
                                          Role::member));
  need(api.catalog().tokens.add_for_user(kAdmin, vera.id, {}, "laptop",
                                         hash_bearer("pcc_pat_vera")));
  CHECK(elsewhere("PUT", "/members/vera", R"({"role":"member"})").status == 409);
  CHECK(elsewhere("DELETE", "/members/vera").status == 404);
}

TEST_CASE("tokens are made, shown once, listed and revoked") {
  CredentialsFixture api;
  const Answer made =
      api.as_admin("POST", "/tokens", R"({"name":"dashboard","role":"viewer","expiresIn":60})");
  CHECK(made.status == 201);
  const std::string token(made.body.at("token").as_string());
  CHECK(api.ask("GET", "/v1/secrets", "", token).status == 200);
  CHECK(api.ask("PUT", "/v1/secrets/x", "{}", token).status == 403);
  const Answer list = api.as_admin("GET", "/tokens");
  CHECK(list.text.find(token) == std::string::npos);
  std::string id;
  for (const auto& row : list.body.at("tokens").as_array()) {
    if (row.at("name") == "dashboard") id = row.at("id").as_string();
  }
  CHECK(api.as_admin("DELETE", "/tokens/" + id).status == 200);
  CHECK(api.ask("GET", "/v1/secrets", "", token).status == 401);
  for (const char* body : {"", "{}", R"({"name":"x","role":"owner"})", R"({"name":1})"}) {
    INFO(body);
    CHECK(api.as_admin("POST", "/tokens", body).status == 400);
  }
}

TEST_CASE("a user's token that reaches several organizations is not revoked by one of them") {
  CredentialsFixture api;
  const User vera = need(api.catalog().users.add(kAdmin, "vera", ""));
  need(api.catalog().users.put_membership(kAdmin, vera.id, api.organization_id("acme"),
                                          Role::member));
  need(api.catalog().tokens.add_for_user(kAdmin, vera.id, {}, "laptop",
                                         hash_bearer("pcc_pat_vera")));
  need(api.catalog().tokens.add_for_user(kAdmin, vera.id, api.organization_id("acme"), "here",
                                         hash_bearer("pcc_pat_here")));
  const Answer list = api.as_admin("GET", "/tokens");
  for (const auto& row : list.body.at("tokens").as_array()) {
    if (!row.as_object().contains("user")) continue;
    const std::string id(row.at("id").as_string());
    CHECK(api.as_admin("DELETE", "/tokens/" + id).status == (row.at("name") == "here" ? 200 : 409));
  }
}

TEST_CASE("members are added, change their role, and leave") {
  CredentialsFixture api;
  CHECK(api.as_admin("PUT", "/members/vera", R"({"role":"viewer","email":"vera@example.com"})")
            .body.at("role") == "viewer");
  CHECK(api.as_admin("PUT", "/members/vera", R"({"role":"member"})").status == 200);
  const Answer list = api.as_admin("GET", "/members");
  CHECK(list.body.at("members").at(0).at("name") == "vera");
  CHECK(list.body.at("members").at(0).at("role") == "member");
  CHECK(list.body.at("members").at(0).at("email") == "vera@example.com");
  CHECK(api.as_admin("DELETE", "/members/vera").status == 200);
  CHECK(api.as_admin("DELETE", "/members/vera").status == 404);
  CHECK(api.as_admin("PUT", "/members/vera", "{}").status == 400);
  CHECK(api.as_admin("PUT", "/members/Not%20A%20Name", R"({"role":"member"})").status == 400);
}

TEST_CASE("private keys are for admins") {
  CredentialsFixture api;
  const std::string body = R"({"name":"script","type":"private"})";
  CHECK(api.org("POST", "/apiKeys", body).status == 403);
  const Answer made = api.as_admin("POST", "/apiKeys", body);
  CHECK(made.status == 201);
  const std::string key(made.body.at("key").as_string());
  CHECK(api.ask("GET", "/v1/secrets", "", key).status == 200);
  CHECK_FALSE(api.org("GET", "/apiKeys").body.as_object().contains("private"));
  const Answer list = api.as_admin("GET", "/apiKeys");
  CHECK(list.body.at("private").at(0).at("metadata").at("name") == "script");
  CHECK(list.text.find(key) == std::string::npos);
  const std::string id(made.body.at("id").as_string());
  CHECK(api.org("DELETE", "/apiKeys/" + id).status == 404);
  CHECK(api.as_admin("DELETE", "/apiKeys/" + id).status == 200);
  CHECK(api.ask("GET", "/v1/secrets", "", key).status == 401);
}

}  // namespace agent_secrets::control_plane
