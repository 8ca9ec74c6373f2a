#include "control-plane/keys/region_keys.h"

#include <cstdlib>

#include <sys/stat.h>

#include "control-plane/keys/key_store.h"
#include "control-plane/test_stores.h"
#include "core/encoding.h"
#include "core/write_file.h"

namespace agent_secrets::control_plane {
namespace {

RegionKeys some_keys() {
  RegionKeys keys{.region = "eu-central",
                  .signing_kid = "sign-1",
                  .signing_seed = SecretBuffer::copy_of(std::string(32, 's')),
                  .data_keys = {},
                  .authority_keys = {}};
  keys.data_keys.push_back({.id = "new", .key = SecretBuffer::copy_of(std::string(32, 'n'))});
  keys.data_keys.push_back({.id = "old", .key = SecretBuffer::copy_of(std::string(32, 'o'))});
  keys.authority_keys.push_back(SecretBuffer::copy_of(std::string(32, 'c')));
  keys.authority_keys.push_back(SecretBuffer::copy_of(std::string(32, 'd')));
  return keys;
}

std::string some_text() { return std::string(region_keys_text(some_keys()).expose_text()); }

// Returns some_text() with another public part.
std::string with_public_part(const std::string& json) {
  return "agentregion_v2_" + base64url_encode(as_bytes(json)) +
         some_text().substr(some_text().find('.'));
}

class File {
 public:
  explicit File(const std::string& text) { need(create_private_file(path(), text)); }
  [[nodiscard]] std::string path() const { return directory_.path("eu.keys"); }

 private:
  TemporaryDirectory directory_;
};

constexpr ValueContext kContext{.organization_id = 1, .set_id = 2, .key = "A", .written_by = 3};

}  // namespace

TEST_CASE("region keys are the same after they were written as text and read again") {
  const RegionKeys read = need(parse_region_keys(some_text()));
  CHECK(read.region == "eu-central");
  CHECK(read.signing_kid == "sign-1");
  CHECK(read.signing_seed.expose_text() == std::string(32, 's'));
  REQUIRE(read.data_keys.size() == 2);
  CHECK(read.data_keys[0].id == "new");
  CHECK(read.data_keys[0].key.expose_text() == std::string(32, 'n'));
  CHECK(read.data_keys[1].id == "old");
  CHECK(read.data_keys[1].key.expose_text() == std::string(32, 'o'));
  REQUIRE(read.authority_keys.size() == 2);
  CHECK(read.authority_keys[0].expose_text() == std::string(32, 'c'));
  CHECK(read.authority_keys[1].expose_text() == std::string(32, 'd'));
}

TEST_CASE(
    "a file of region keys without authority keys is refused, and the error says what to do") {
  const Error refused =
      parse_region_keys("agentregion_v1_" + some_text().substr(some_text().find("v2_") + 3))
          .error();
  CHECK(refused.code == ErrorCode::invalid);
  CHECK(refused.message.find("earlier version") != std::string::npos);
  CHECK(refused.hint.find("region export-keys") != std::string::npos);
}

TEST_CASE("a text of region keys is refused if any character is changed or missing") {
  const std::string text = some_text();
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] = damaged[at] == 'A' ? 'B' : 'A';
    CAPTURE(at);
    CHECK(parse_region_keys(damaged).error().code == ErrorCode::invalid);
    CHECK(parse_region_keys(text.substr(0, at)).error().code == ErrorCode::invalid);
  }
  CHECK(parse_region_keys(text + "A").error().code == ErrorCode::invalid);
}

TEST_CASE("the checksum of region keys covers the public part") {
  const std::string json =
      R"({"region":"eu-central","signing_key":"sign-1","data_keys":["new","old"],"authority_keys":2})";
  CHECK(with_public_part(json) == some_text());
  const std::string other =
      R"({"region":"us-west","signing_key":"sign-1","data_keys":["new","old"],"authority_keys":2})";
  const Error refused = parse_region_keys(with_public_part(other)).error();
  CHECK(refused.message == "the checksum does not match: the text was damaged");
  CHECK(refused.hint.find("region export-keys") != std::string::npos);
}

TEST_CASE("no error about a region's keys repeats the text") {
  for (const std::string& text :
       {some_text().substr(1), some_text().substr(0, 100), std::string("another text"),
        std::string("agentregion_v2_"), "agentregion_v2_" + some_text()}) {
    const Error refused = parse_region_keys(text).error();
    CHECK(describe("x", refused).find(text.substr(0, 40)) == std::string::npos);
  }
}

TEST_CASE("the keys of another region are refused, and both regions are named") {
  const File file(some_text());
  CHECK(need(load_region_keys(file.path(), "eu-central")).region == "eu-central");
  const Error refused = refusal(load_region_keys(file.path(), "us-west"));
  CHECK(refused.message.find(
            "has the keys of region eu-central, and this is a node of region us-west") !=
        std::string::npos);
  CHECK(refused.hint.find("region export-keys us-west FILE") != std::string::npos);
}

TEST_CASE("a file of region keys that others may read, or that does not exist, is refused") {
  const File file(some_text() + "\n");
  CHECK(load_region_keys(file.path(), "eu-central"));
  for (const mode_t mode : {0640, 0604, 0660}) {
    REQUIRE(::chmod(file.path().c_str(), mode) == 0);
    const Error refused = refusal(load_region_keys(file.path(), "eu-central"));
    CHECK(refused.message.find("group or others may read") != std::string::npos);
    CHECK(refused.hint == "run chmod 600 " + file.path());
  }
  REQUIRE(::chmod(file.path().c_str(), 0400) == 0);
  CHECK(load_region_keys(file.path(), "eu-central"));
  CHECK(
      refusal(load_region_keys(file.path() + ".not", "eu-central")).message.find("no such file") !=
      std::string::npos);
}

TEST_CASE("region keys are taken from the environment before a file, and the variable is unset") {
  REQUIRE(::setenv(kRegionKeysVariable, some_text().c_str(), 1) == 0);
  CHECK(load_region_keys("", "eu-central"));
  CHECK(std::getenv(kRegionKeysVariable) == nullptr);
  CHECK_FALSE(load_region_keys("", "eu-central"));
}

TEST_CASE("exported keys decrypt the region's values and contain its active signing key") {
  TestStores t;
  t.write("bot-secrets", "A", "a-value");
  t.provision();
  KeyStore store(*t.catalog().context.database, t.master_key);
  RegionKeys exported = need(store.export_region_keys("us-west"));
  RegionKeys read = need(parse_region_keys(region_keys_text(exported).expose_text()));
  const RegionSigningKeys signing = take_signing_keys(read);
  const auto served = t.stores.regions.at("us-west").signing_keys->now();
  CHECK(signing.active_kid == served->active_kid);
  CHECK(signing.active.public_key() == served->active.public_key());
  const ValueCipher cipher = take_cipher(read);
  const ValueCipher theirs = need(store.cipher(data_key_purpose("us-west")));
  const SealedValue sealed = theirs.seal(kContext, SecretBuffer::copy_of("a-value"));
  CHECK(need(cipher.open(kContext, sealed)).expose_text() == "a-value");
  const ValueCipher elsewhere = need(store.cipher(data_key_purpose("eu-central")));
  CHECK_FALSE(elsewhere.open(kContext, sealed));
}

}  // namespace agent_secrets::control_plane
