// Access rights: tokens over several organizations, API keys, and the answers to public keys.
#include <string>
#include <vector>

#include <boost/json/serialize.hpp>

#include "control-plane/rest-api/test_api.h"
#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

// Adds the user ana, a member of both organizations of the fixture, with the token "pcc_pat_ana".
class AccessFixture : public RestFixture {
 public:
  AccessFixture() {
    ana = need(catalog().users.add(kAdmin, "ana", "ana@example.com")).id;
    join("acme");
    join("other");
    need(catalog().tokens.add_for_user(kAdmin, ana, {}, "laptop", hash_bearer("pcc_pat_ana")));
  }
  void join(const std::string& organization) {
    need(catalog().users.put_membership(kAdmin, ana, organization_id(organization), Role::member));
  }
  void leave(const std::string& organization) {
    need(catalog().users.remove_membership(kAdmin, ana, organization_id(organization)));
  }
  std::string add_key(ApiKeyType type, const std::string& key) {
    return need(catalog().api_keys.add(kAdmin, organization_id("acme"), "key", type,
                                       SecretBuffer::copy_of(key)))
        .id;
  }
  Answer as_ana(const std::string& path) { return ask("GET", path, "", "pcc_pat_ana"); }

  std::int64_t ana = 0;
};

}  // namespace

TEST_CASE("a user is shown with an address, and with every organization in one order") {
  AccessFixture api;
  CHECK(api.as_ana("/v1/users").text ==
        R"({"user":{"userId":"ana","emails":[{"emailAddress":"ana@example.com"}]}})");
  CHECK(api.as_ana("/v1/organizations").text ==
        R"({"organizations":[{"name":"acme","verboseName":"acme","role":"member"},)"
        R"({"name":"other","verboseName":"other","role":"member"}]})");
}

TEST_CASE("an organization's own token is shown by its name, without an address") {
  AccessFixture api;
  CHECK(api.ask("GET", "/v1/users").text == R"({"user":{"userId":"first","emails":[]}})");
  CHECK(api.ask("GET", "/v1/organizations").text ==
        R"({"organizations":[{"name":"acme","verboseName":"acme","role":"member"}]})");
}

TEST_CASE("a token of several organizations works where the path names one") {
  AccessFixture api;
  CHECK(api.as_ana("/v1/organizations/acme/secrets").status == 200);
  CHECK(api.as_ana("/v1/organizations/other/secrets").status == 200);
  CHECK(api.as_ana("/v1/organizations/nobody/secrets").status == 403);
  const Answer unclear = api.as_ana("/v1/secrets");
  CHECK(unclear.status == 400);
  CHECK(unclear.body.at("code") == "GENERIC_BAD_REQUEST");
  CHECK(unclear.text.find("private API key") != std::string::npos);
}

TEST_CASE("a membership that ends, ends at the next request") {
  AccessFixture api;
  api.leave("other");
  const Answer left = api.as_ana("/v1/organizations/other/secrets");
  CHECK(left.status == 403);
  CHECK(left.text == api.as_ana("/v1/organizations/nobody/secrets").text);
  CHECK(api.as_ana("/v1/secrets").status == 200);
  api.leave("acme");
  CHECK(api.as_ana("/v1/organizations").text == R"({"organizations":[]})");
  CHECK(api.as_ana("/v1/secrets").status == 403);
  api.provision();  // some time later
  api.join("acme");
  CHECK(api.as_ana("/v1/organizations/acme/secrets").status == 403);
  need(api.catalog().tokens.add_for_user(kAdmin, api.ana, {}, "new", hash_bearer("pcc_pat_new")));
  CHECK(api.ask("GET", "/v1/organizations/acme/secrets", "", "pcc_pat_new").status == 200);
}

TEST_CASE("a private API key is for its organization, in both families") {
  AccessFixture api;
  const std::string id = api.add_key(ApiKeyType::private_key, "sk_one");
  CHECK(api.ask("GET", "/v1/secrets", "", "sk_one").status == 200);
  CHECK(api.ask("GET", "/v1/organizations/acme/secrets", "", "sk_one").status == 200);
  CHECK(api.ask("GET", "/v1/organizations/other/secrets", "", "sk_one").status == 403);
  need(api.catalog().api_keys.revoke(kAdmin, api.organization_id("acme"), id));
  CHECK(api.ask("GET", "/v1/secrets", "", "sk_one").body == error("Unauthorized", "UNAUTHORIZED"));
}

TEST_CASE("a public API key is refused outside /v1/public") {
  AccessFixture api;
  api.add_key(ApiKeyType::public_key, "pk_one");
  for (const char* path : {"/v1/users", "/v1/organizations", "/v1/organizations/acme/secrets",
                           "/v1/secrets", "/v1/agents", "/metrics"}) {
    INFO(path);
    CHECK(api.ask("GET", path, "", "pk_one").status == 401);
  }
}

TEST_CASE("public API keys are made, listed and revoked, and a private one is never listed") {
  AccessFixture api;
  api.add_key(ApiKeyType::private_key, "sk_one");
  CHECK(api.org("GET", "/apiKeys").text == R"({"public":[]})");
  const Answer made = api.org("POST", "/apiKeys", R"({"name":"Web page","type":"public"})");
  CHECK(made.status == 201);
  CHECK(made.body.at("key").as_string().starts_with("pk_"));
  CHECK(made.body.at("revoked") == false);
  CHECK(made.body.at("metadata").at("name") == "Web page");
  CHECK(made.body.at("createdAt").is_string());
  CHECK(api.org("GET", "/apiKeys").text == "{\"public\":[" + made.text + "]}");

  const std::string path = "/apiKeys/" + std::string(made.body.at("id").as_string());
  CHECK(api.org("DELETE", path).text == R"({"status":"OK"})");
  CHECK(api.org("DELETE", path).text == R"({"status":"OK"})");
  CHECK(api.org("GET", "/apiKeys").body.at("public").at(0).at("revoked") == true);
  CHECK(api.org("DELETE", "/apiKeys/none").body == error("API key not found", "404"));
}

TEST_CASE("a key of another organization, or a private one, is not found") {
  AccessFixture api;
  const std::string hidden = api.add_key(ApiKeyType::private_key, "sk_one");
  CHECK(api.org("DELETE", "/apiKeys/" + hidden).status == 404);
  CHECK(api.ask("GET", "/v1/secrets", "", "sk_one").status == 200);
  const std::string id = api.add_key(ApiKeyType::public_key, "pk_one");
  CHECK(api.ask("DELETE", "/v1/organizations/other/apiKeys/" + id, "", "pcc_pat_other").status ==
        404);
  CHECK(api.org("GET", "/apiKeys").body.at("public").at(0).at("revoked") == false);
}

TEST_CASE("an API key that cannot be is refused with a sentence, and none is made") {
  AccessFixture api;
  for (const char* body :
       {"", "no", "[]", "{}", R"({"name":"a"})", R"({"name":"a","type":"other"})",
        R"({"type":"public"})", R"({"name":7,"type":"public"})", R"({"name":"","type":"public"})",
        R"({"name":"[red]","type":"public"})", R"({"name":"a\u001bb","type":"public"})"}) {
    INFO(body);
    const Answer refused = api.org("POST", "/apiKeys", body);
    CHECK(refused.status == 400);
    CHECK(refused.body.at("code") == "400");
  }
  CHECK(api.org("GET", "/apiKeys").text == R"({"public":[]})");
}

TEST_CASE("a sixth live public key is refused until one is revoked") {
  AccessFixture api;
  const std::string body = R"({"name":"a","type":"public"})";
  const Answer first = api.org("POST", "/apiKeys", body);
  for (int i = 2; i <= 5; ++i) CHECK(api.org("POST", "/apiKeys", body).status == 201);
  const Answer refused = api.org("POST", "/apiKeys", body);
  CHECK(refused.status == 400);
  CHECK(refused.text.find("Revoke one") != std::string::npos);
  api.org("DELETE", "/apiKeys/" + std::string(first.body.at("id").as_string()));
  CHECK(api.org("POST", "/apiKeys", body).status == 201);
}

TEST_CASE("starting a session wants a live public key, and then says that there are none") {
  AccessFixture api;
  const std::string id = api.add_key(ApiKeyType::public_key, "pk_one");
  const std::string start = "/v1/public/bot/start";
  CHECK(api.ask("POST", start, "{}", "").status == 401);
  CHECK(api.ask("POST", start, "{}", "").body.at("code") == "PCC-1002");
  for (const char* wrong : {"pk_wrong", "pcc_pat_acme", "pcc_pat_ana"}) {
    CHECK(api.ask("POST", start, "{}", wrong).body == error("Unauthorized", "401"));
  }
  const Answer declined = api.ask("POST", start, "{}", "pk_one");
  CHECK(declined.status == 501);
  CHECK(declined.body.at("code") == "501");
  need(api.catalog().api_keys.revoke(kAdmin, api.organization_id("acme"), id));
  CHECK(api.ask("POST", start, "{}", "pk_one").body == error("Unauthorized", "401"));
}

TEST_CASE("the session proxy answers every method and path as the start does") {
  AccessFixture api;
  api.add_key(ApiKeyType::public_key, "pk_one");
  const std::string path = "/v1/public/bot/sessions/s1/api/offer?x=1";
  for (const char* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    INFO(method);
    CHECK(api.ask(method, path, "", "").body.at("code") == "401");
    CHECK(api.ask(method, path, "", "pcc_pat_acme").body == error("Unauthorized", "401"));
    CHECK(api.ask(method, path, "", "pk_one").status == 501);
  }
}

TEST_CASE("a login in the browser is refused with what to do instead") {
  AccessFixture api;
  const Answer config = api.ask("GET", "/auth/config", "", "");
  CHECK(config.status == 404);
  CHECK(config.body.at("code") == "404");
  CHECK(config.text.find("auth use-pat") != std::string::npos);
  CHECK(api.ask("POST", "/auth/logout", R"({"refresh_token":"r"})", "").text == config.text);
}

}  // namespace agent_secrets::control_plane
