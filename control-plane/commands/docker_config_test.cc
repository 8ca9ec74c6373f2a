#include "control-plane/commands/docker_config.h"

#include <string>

#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

std::string key_of(std::string_view host) {
  const auto key = registry_key(host);
  return key ? *key : "refused: " + key.error().message;
}

std::string config(std::string_view credentials) {
  const auto text = docker_config("https://registry.example/", SecretBuffer::copy_of(credentials));
  return text ? std::string(text->expose_text()) : "refused: " + text.error().message;
}

}  // namespace

TEST_CASE("a registry's key is its host and port") {
  CHECK(key_of("https://registry.example/") == "registry.example");
  CHECK(key_of("https://Registry.Example:5000/v2/") == "registry.example:5000");
  CHECK(key_of("ghcr.io/") == "ghcr.io");
  CHECK(key_of("ghcr.io/acme/") == "ghcr.io");
  CHECK(key_of("http://[::1]:5000/") == "[::1]:5000");
}

TEST_CASE("Docker Hub's key is the URL that docker writes") {
  for (const char* host : {"docker.io/", "https://index.docker.io/v1/", "registry-1.docker.io/"}) {
    CHECK(key_of(host) == "https://index.docker.io/v1/");
  }
}

TEST_CASE("a text without a valid host is refused") {
  for (const char* host : {"https:///", "/", "user:password@host/", "a\"b/", "a,b/"}) {
    CHECK(key_of(host).starts_with("refused: "));
  }
}

TEST_CASE("a config has the login in base64, and the user name and the password") {
  CHECK(
      config("dXNlcjp0b2s=") ==
      R"({"auths":{"registry.example":{"auth":"dXNlcjp0b2s=","username":"user","password":"tok"}}})");
}

TEST_CASE("base64 without padding or with line breaks is made canonical") {
  const std::string expected = config("dXNlcjp0b2s=");
  CHECK(config("dXNlcjp0b2s") == expected);
  CHECK(config("dXNl\ncjp0b2s=\n") == expected);
}

TEST_CASE("the first colon ends the user name, and characters with a meaning in JSON are escaped") {
  CHECK(config("dTphOmI=").find(R"("username":"u","password":"a:b")") != std::string::npos);
  // u:"\ and a line feed
  CHECK(config("dToiXAo=").find(R"("password":"\"\\\u000a")") != std::string::npos);
}

TEST_CASE("a value that docker refuses is an error, which does not show the value") {
  for (const char* value : {"no base64!", "dXNlcg==", "OnRvaw==", "dXNlcjo=", "dTr/"}) {
    const std::string refusal = config(value);
    CHECK(refusal.starts_with("refused: "));
    CHECK(refusal.find(value) == std::string::npos);
  }
}

}  // namespace agent_secrets::control_plane
