#include "injector/keygen.h"

#include <sys/stat.h>

#include "core/credential.h"
#include "core/encoding.h"
#include "core/json_reader.h"
#include "tests/catch.h"
#include "tests/fakes/fake_region.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;

TEST_CASE("the printed half matches the file, which only its owner may read") {
  const TemporaryDirectory directory;
  const auto printed = generate_key(directory.path("seed"));
  REQUIRE(printed.has_value());
  struct stat status{};
  REQUIRE(::stat(directory.path("seed").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);

  // The credential as documented: prefix, public JSON, dot, the file's content.
  JsonDocument document(*printed, 4096);
  CredentialIdentity identity = FakeRegion().identity();
  identity.kid = document.root().text("kid", 64);
  CHECK(is_key_id(identity.kid));
  CHECK(identity.kid.starts_with("ak_"));
  const std::string text = "agentcred_v1_" + base64url_encode(as_bytes(identity_json(identity))) +
                           '.' + directory.read("seed");
  const auto credential = parse_agent_credential(text);
  REQUIRE(credential.has_value());
  CHECK(document.root().text("signing_key", 64) ==
        base64url_encode(credential->signing_key.public_key()));
  CHECK(document.root().text("box_key", 64) == base64url_encode(credential->box_key.public_key));
}

TEST_CASE("a file that exists is never overwritten") {
  const TemporaryDirectory directory;
  directory.write("seed", "precious");
  const auto printed = generate_key(directory.path("seed"));
  REQUIRE_FALSE(printed.has_value());
  CHECK(directory.read("seed") == "precious");
}
