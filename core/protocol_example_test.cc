// Reads the example in docs/protocol.md from the page, and checks that the code produces and
// accepts the same bytes.

#include <fstream>
#include <map>
#include <sstream>

#include <sodium.h>

#include "core/bundle.h"
#include "core/encoding.h"
#include "core/environment_block.h"
#include "core/request_proof.h"
#include "core/test_bundle.h"
#include "tests/catch.h"

using namespace agent_secrets;

namespace {

// The content of each "```text id=NAME" block, without its last newline.
std::map<std::string, std::string> read_blocks() {
  std::ifstream page(AGENT_SECRETS_PROTOCOL_PAGE);
  REQUIRE(page);
  const std::string fence = "```text id=";
  std::map<std::string, std::string> blocks;
  std::string line;
  while (std::getline(page, line)) {
    if (!line.starts_with(fence)) continue;
    const auto name = line.substr(fence.size());
    std::string content;
    while (std::getline(page, line) && line != "```") content += line + '\n';
    if (!content.empty()) content.pop_back();
    blocks.emplace(name, std::move(content));
  }
  return blocks;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string text(bytes.size() * 2, '\0');
  sodium_bin2hex(text.data(), text.size() + 1, bytes.data(), bytes.size());
  return text;
}

struct Page {
  std::map<std::string, std::string> blocks = read_blocks();

  const std::string& block(const std::string& name) const {
    CAPTURE(name);
    REQUIRE(blocks.contains(name));
    return blocks.at(name);
  }
  std::string key(const std::string& name) const {
    std::istringstream lines(block("keys"));
    std::string line_name;
    std::string value;
    while (lines >> line_name >> value) {
      if (line_name == name) return value;
    }
    FAIL("no key " << name);
    return "";
  }
  std::array<std::uint8_t, 32> seed(const std::string& name) const {
    std::array<std::uint8_t, 32> bytes{};
    const auto text = key(name);
    std::size_t size = 0;
    REQUIRE(sodium_hex2bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &size,
                           nullptr) == 0);
    REQUIRE(size == bytes.size());
    return bytes;
  }
  AgentCredential credential() const {
    auto parsed = parse_agent_credential(block("agent-credential"));
    REQUIRE(parsed);
    return std::move(*parsed);
  }
  SigningKey region() const { return SigningKey::from_seed(seed("region-seed")); }
};

// Segment 0 (header) or 1 (payload) of a JWS.
std::string decoded_segment(std::string_view compact, int index) {
  if (index == 1) compact.remove_prefix(compact.find('.') + 1);
  const auto bytes = base64url_decode(compact.substr(0, compact.find('.')));
  REQUIRE(bytes);
  return std::string(as_text(*bytes));
}

std::string checksum_in(std::string_view credential) {
  const auto secret = base64url_decode(credential.substr(credential.rfind('.') + 1));
  REQUIRE(secret);
  return hex(std::span(*secret).subspan(32));
}

// The value of the payload's last member, which is text without escapes.
std::string sealed_in(const std::string& payload) {
  const std::string member = R"("sealed":")";
  const auto start = payload.find(member) + member.size();
  return payload.substr(start, payload.find('"', start) - start);
}

}  // namespace

TEST_CASE_METHOD(Page, "the page's keys follow from its seed") {
  std::array<std::uint8_t, 32> box_subkey{};
  crypto_kdf_derive_from_key(box_subkey.data(), box_subkey.size(), 2, "agntsecr",
                             seed("seed").data());
  CHECK(hex(box_subkey) == key("box-subkey"));
  const auto parsed = credential();
  CHECK(hex(parsed.signing_subkey.expose()) == key("signing-subkey"));
  CHECK(hex(parsed.signing_key.public_key()) == key("signing-public-key"));
  CHECK(hex(parsed.box_key.secret_key.expose()) == key("box-secret-key"));
  CHECK(hex(parsed.box_key.public_key) == key("box-public-key"));
  CHECK(hex(region().public_key()) == key("region-public-key"));
}

TEST_CASE_METHOD(Page, "the page's credentials are made from its identity and seed") {
  const auto identity = parse_identity(block("identity"));
  REQUIRE(identity);
  CHECK(identity_json(*identity) == block("identity"));
  CHECK(agent_credential_text(*identity, seed("seed")).expose_text() == block("agent-credential"));
  CHECK(watch_credential_text(credential()).expose_text() == block("watch-credential"));
  CHECK(checksum_in(block("agent-credential")) == key("seed-checksum"));
  CHECK(checksum_in(block("watch-credential")) == key("signing-subkey-checksum"));
}

TEST_CASE_METHOD(Page, "the page's request proof verifies, and is made again byte for byte") {
  const ProofExpectation expected{.audiences = {"https://secrets.example.com"},
                                  .method = "GET",
                                  .target = "/instance/v1/bundle",
                                  .now = std::chrono::seconds(1'795'442'526)};
  const auto ours = credential();
  const auto proof = verify_request_proof(block("authorization"), expected, [&](std::string_view) {
    return std::optional(ours.signing_key.public_key());
  });
  REQUIRE(proof);
  CHECK(make_request_proof(proof->claims, proof->kid, ours.signing_key) == block("authorization"));
  const auto jws = std::string_view(block("authorization")).substr(kProofScheme.size() + 1);
  CHECK(decoded_segment(jws, 0) == block("proof-header"));
  CHECK(decoded_segment(jws, 1) == block("proof-payload"));
}

TEST_CASE_METHOD(Page, "the page's bundle verifies and opens to its environment block") {
  const auto ours = credential();
  const auto bundle = verify_bundle(block("bundle"), ours.identity);
  REQUIRE(bundle);
  const auto environment = open_bundle(*bundle, ours.box_key);
  REQUIRE(environment);
  CHECK(hex(environment->expose()) == block("environment-block"));
  const auto built =
      build_environment_block({{.key = "OPENAI_API_KEY", .value = "sk-example"},
                               {.key = "GREETING", .value = "Gr\u00fc\u00df Gott\n"}});
  REQUIRE(built);
  CHECK(built->same_content(*environment));
}

TEST_CASE_METHOD(Page, "the page's bundle is made again byte for byte, but for the sealed part") {
  const auto ours = credential();
  const auto bundle = verify_bundle(block("bundle"), ours.identity);
  REQUIRE(bundle);
  const auto environment = open_bundle(*bundle, ours.box_key);
  REQUIRE(environment);
  const auto again =
      make_bundle(bundle->facts, *environment, ours.box_key.public_key, "region-1", region());
  REQUIRE(again);
  CHECK(decoded_segment(*again, 0) == block("bundle-header"));
  auto payload = decoded_segment(*again, 1);
  const auto fresh = sealed_in(payload);
  const auto printed = sealed_in(block("bundle-payload"));
  CHECK(fresh != printed);
  payload.replace(payload.find(fresh), fresh.size(), printed);
  CHECK(payload == block("bundle-payload"));
  CHECK(sign_jws("region-1", kBundleType, payload, region()) == block("bundle"));
}
