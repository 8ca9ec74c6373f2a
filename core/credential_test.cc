#include "core/credential.h"

#include <sodium.h>

#include "core/encoding.h"
#include "core/limits.h"
#include "core/test_keys.h"
#include "tests/catch.h"

using namespace agent_secrets;

namespace {

std::string agent_text(const CredentialIdentity& who = test::identity()) {
  return std::string(agent_credential_text(who, test::numbered_seed(0)).expose_text());
}

// With other public JSON in front of the right secret part.
std::string with_json(std::string_view json) {
  const auto text = agent_text();
  return "agentcred_v1_" + base64url_encode(as_bytes(json)) + text.substr(text.find('.'));
}

std::string fault(std::string_view text) {
  const auto credential = parse_agent_credential(text);
  if (credential) return "";
  CHECK(credential.error().code == ErrorCode::invalid);
  return credential.error().message;
}

std::string json_fault(std::string_view json) {
  const auto identity = parse_identity(json);
  return identity ? "" : identity.error().message;
}

constexpr std::string_view kKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

std::string json(std::string_view urls = R"(["https://a.example"])", std::string_view kid = "c1",
                 std::string_view x = kKey) {
  return std::string(R"({"urls":)")
      .append(urls)
      .append(R"(,"organization":"o","agent":"a","kid":")")
      .append(kid)
      .append(R"(","verification_keys":[{"kid":"r1","x":")")
      .append(x)
      .append(R"("}]})");
}

}  // namespace

TEST_CASE("an agent credential parses into what it was made of") {
  auto who = test::identity();
  who.urls.emplace_back("http://127.0.0.1:8080/prefix");
  who.verification_keys.push_back({.kid = "region-2", .key = test::other_key().public_key()});
  who.ca_pem = "-----BEGIN CERTIFICATE-----\n\"quoted\"\n";
  const auto credential = parse_agent_credential(agent_text(who));
  REQUIRE(credential);
  const auto& parsed = credential->identity;
  CHECK(parsed.urls == who.urls);
  CHECK(parsed.organization == "acme");
  CHECK(parsed.agent == "receptionist");
  CHECK(parsed.kid == "cred-1");
  CHECK(parsed.ca_pem == who.ca_pem);
  CHECK(parsed.verification_key("region-1") == test::region_key().public_key());
  CHECK(parsed.verification_key("region-2") == test::other_key().public_key());
  CHECK_FALSE(parsed.verification_key("region-3"));
}

TEST_CASE("the public JSON of a credential is spelled in one order, without an empty ca") {
  const auto key = base64url_encode(test::region_key().public_key());
  CHECK(identity_json(test::identity()) ==
        R"({"urls":["https://secrets.example.com"],"organization":"acme","agent":"receptionist",)"
        R"("kid":"cred-1","verification_keys":[{"kid":"region-1","x":")" +
            key + R"("}]})");
}

TEST_CASE("the keys of a credential are those that its seed registers") {
  const auto credential = test::agent_credential();
  const auto registered = credential_public_keys(test::numbered_seed(0));
  CHECK(credential.signing_key.public_key() == registered.signing);
  CHECK(credential.box_key.public_key == registered.box);
}

TEST_CASE("a watch credential signs as its agent credential does") {
  const auto credential = test::agent_credential();
  const auto text = watch_credential_text(credential);
  CHECK(text.expose_text().starts_with("agentwatch_v1_"));
  const auto watch = parse_watch_credential(text.expose_text());
  REQUIRE(watch);
  CHECK(watch->identity.agent == "receptionist");
  CHECK(watch->signing_key.public_key() == credential.signing_key.public_key());
}

TEST_CASE("a watch credential carries neither the seed nor the key that opens bundles") {
  const auto credential = test::agent_credential();
  const auto text = watch_credential_text(credential);
  const auto view = text.expose_text();
  const auto secret = base64url_decode(view.substr(view.find('.') + 1));
  REQUIRE(secret);
  const auto held = as_text(*secret);
  const auto seed = test::numbered_seed(0);
  CHECK(held.find(as_text(seed)) == std::string_view::npos);
  CHECK(held.find(credential.box_key.secret_key.expose_text()) == std::string_view::npos);
}

TEST_CASE("a watch credential where an agent credential is needed is told by name") {
  const auto text = watch_credential_text(test::agent_credential());
  const auto parsed = parse_agent_credential(text.expose_text());
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().message ==
        "agent credential: this is a watch credential, which cannot open bundles");
}

TEST_CASE("an agent credential where a watch credential is needed is told by name") {
  const auto parsed = parse_watch_credential(agent_text());
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().message ==
        "watch credential: this is an agent credential, which a watcher must not hold");
  CHECK_FALSE(parsed.error().hint.empty());
}

TEST_CASE("white space around a credential is ignored, within it refused") {
  CHECK(fault(" \t" + agent_text() + "\r\n").empty());
  auto text = agent_text();
  text.insert(text.size() - 3, "\n");
  CHECK(fault(text) == "agent credential: the secret part is not 36 bytes in base64url");
}

TEST_CASE("a byte changed anywhere in the secret part is refused") {
  const auto text = agent_text();
  for (std::size_t i = text.find('.') + 1; i < text.size(); ++i) {
    auto changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CAPTURE(i);
    CHECK(fault(changed) == "agent credential: the checksum does not match: the text was damaged");
  }
}

TEST_CASE("a credential cut short at any length is refused") {
  const auto text = agent_text();
  for (std::size_t size = 0; size < text.size(); ++size) {
    CHECK_FALSE(fault(std::string_view(text).substr(0, size)).empty());
  }
}

TEST_CASE("what is not a credential is refused by what it lacks") {
  CHECK(fault("") == "agent credential: it does not start with agentcred_v1_");
  CHECK(fault("agentcred_v2_x.y") == "agent credential: it does not start with agentcred_v1_");
  CHECK(fault("agentcred_v1_x") == "agent credential: it has no secret part");
  CHECK(fault(agent_text() + ".AAAA") ==
        "agent credential: the secret part is not 36 bytes in base64url");
  CHECK(fault(agent_text() + "=") ==
        "agent credential: the secret part is not 36 bytes in base64url");
  const auto text = agent_text();
  CHECK(fault("agentcred_v1_e30=" + text.substr(text.find('.'))) ==
        "agent credential: the public part is not base64url");
  CHECK(fault(with_json("[]")) == "agent credential: public part: not a JSON object");
}

TEST_CASE("a credential past its bound is refused") {
  CHECK(fault("agentcred_v1_" + std::string(limits::kCredential, 'A')) ==
        "agent credential: longer than 65536 bytes");
}

TEST_CASE("no error quotes a credential") {
  const auto text = agent_text();
  const auto secret = text.substr(text.find('.') + 1);
  for (const std::string& broken : {with_json("{}"), "x" + text, text + "x", text + "."}) {
    CHECK(fault(broken).find(secret.substr(0, 8)) == std::string::npos);
  }
}

TEST_CASE("each missing member of the public JSON is named") {
  CHECK(json_fault(json()).empty());
  CHECK(json_fault("{}") == "member 'urls': missing");
  CHECK(json_fault(R"({"urls":["https://a"]})") == "member 'organization': missing");
  CHECK(json_fault(R"({"urls":["https://a"],"organization":"o"})") == "member 'agent': missing");
  CHECK(json_fault(R"({"urls":["https://a"],"organization":"o","agent":"a"})") ==
        "member 'kid': missing");
  CHECK(json_fault(R"({"urls":["https://a"],"organization":"o","agent":"a","kid":"c"})") ==
        "member 'verification_keys': missing");
}

TEST_CASE("a credential without a URL or a verification key is refused") {
  CHECK(json_fault(json("[]")) == "member 'urls': empty");
  CHECK(json_fault(R"({"urls":["https://a"],"organization":"o","agent":"a","kid":"c",)"
                   R"("verification_keys":[]})") == "member 'verification_keys': empty");
}

TEST_CASE("a URL that is not a plain base URL is refused") {
  for (const char* url :
       {R"(["ftp://a"])", R"(["https://a/"])", R"(["https://"])", R"(["https://a?x"])",
        R"(["https://a#x"])", R"(["https://a b"])", R"(["https://a\r\nHost: b"])", R"(["a"])"}) {
    CAPTURE(url);
    CHECK(json_fault(json(url)) == "member 'urls': not a base URL without a slash at its end");
  }
}

TEST_CASE("more URLs than the bound are refused") {
  CHECK(json_fault(json(R"(["https://1","https://2","https://3","https://4","https://5",)"
                        R"("https://6","https://7","https://8","https://9"])")) ==
        "member 'urls': more than 8 elements");
}

TEST_CASE("a key id or key of another form is refused") {
  CHECK(json_fault(json(R"(["https://a"])", "a b")) == "member 'kid': not a key id");
  const auto fault = "member 'verification_keys[0].x': not a 32-byte key in base64url";
  CHECK(json_fault(json(R"(["https://a"])", "c", "AAAA")) == fault);
  CHECK(json_fault(json(R"(["https://a"])", "c", std::string(kKey) + "=")) == fault);
  CHECK(json_fault(json(R"(["https://a"])", "c", std::string(kKey.substr(1)) + "B")) == fault);
}
