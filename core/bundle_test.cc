#include "core/bundle.h"

#include <sodium.h>

#include "core/encoding.h"
#include "core/environment_block.h"
#include "core/limits.h"
#include "core/test_bundle.h"
#include "core/test_keys.h"
#include "tests/catch.h"

using namespace agent_secrets;
using namespace std::string_view_literals;

namespace {

struct Fixture {
  AgentCredential credential = test::agent_credential();
  SigningKey region = test::region_key();
  BundleFacts facts{.organization = "acme",
                    .agent = "receptionist",
                    .deployment = "dep-1",
                    .sequence = 7,
                    .recipient = "cred-1",
                    .sets = {{.name = "voice-keys", .version = 3}, {.name = "crm", .version = 1}},
                    .region = "us-west",
                    .issued_at = std::chrono::seconds(1'800'000'000),
                    .nonce = "nonce-1"};
  SecretBuffer environment =
      std::move(*build_environment_block({{.key = "API_KEY", .value = "canary"}}));

  std::string make() const {
    auto bundle =
        make_bundle(facts, environment, credential.box_key.public_key, "region-1", region);
    REQUIRE(bundle);
    return *bundle;
  }
  // "" when the bundle verifies.
  std::string verify_fault(std::string_view compact) const {
    const auto bundle = verify_bundle(compact, credential.identity);
    if (bundle) return "";
    CHECK(bundle.error().code == ErrorCode::untrusted);
    return bundle.error().message;
  }
  std::string payload_fault(std::string_view payload) const {
    return verify_fault(sign_jws("region-1", kBundleType, payload, region));
  }
  std::string open_fault(std::vector<std::uint8_t> sealed) const {
    const auto opened = open_bundle({.facts = facts, .signed_by = {}, .sealed = std::move(sealed)},
                                    credential.box_key);
    if (opened) return "";
    CHECK(opened.error().code == ErrorCode::untrusted);
    return opened.error().message;
  }
  std::vector<std::uint8_t> seal(std::string_view padded) const {
    std::vector<std::uint8_t> sealed(padded.size() + crypto_box_SEALBYTES);
    REQUIRE(crypto_box_seal(sealed.data(), as_bytes(padded).data(), padded.size(),
                            credential.box_key.public_key.data()) == 0);
    return sealed;
  }
};

// As text, so that a test can break one member.
std::string payload(std::string_view member = "", std::string_view replacement = "") {
  std::string text =
      R"({"organization":"acme","agent":"receptionist","deployment":"dep-1","sequence":7,)"
      R"("recipient":"cred-1","sets":[{"name":"voice-keys","version":3}],"region":"us-west",)"
      R"("issued_at":1800000000,"nonce":"nonce-1","sealed":"Zm9v"})";
  if (!member.empty()) text.replace(text.find(member), member.size(), replacement);
  return text;
}

}  // namespace

TEST_CASE_METHOD(Fixture, "a bundle gives back its facts and its environment") {
  const auto bundle = verify_bundle(make(), credential.identity);
  REQUIRE(bundle);
  CHECK(bundle->facts.organization == "acme");
  CHECK(bundle->facts.agent == "receptionist");
  CHECK(bundle->facts.deployment == "dep-1");
  CHECK(bundle->facts.sequence == 7);
  CHECK(bundle->facts.recipient == "cred-1");
  CHECK(bundle->facts.sets == facts.sets);
  CHECK(bundle->facts.region == "us-west");
  CHECK(bundle->facts.issued_at == facts.issued_at);
  CHECK(bundle->facts.nonce == "nonce-1");
  const auto opened = open_bundle(*bundle, credential.box_key);
  REQUIRE(opened);
  CHECK(opened->same_content(environment));
}

TEST_CASE_METHOD(Fixture, "a bundle is readable in its names and not in its values") {
  const auto compact = make();
  const auto first = compact.find('.');
  const auto text = base64url_decode(compact.substr(first + 1, compact.rfind('.') - first - 1));
  CHECK(as_text(*text).find("voice-keys") != std::string_view::npos);
  CHECK(as_text(*text).find("canary") == std::string_view::npos);
  CHECK(as_text(*text).find("API_KEY") == std::string_view::npos);
}

TEST_CASE_METHOD(Fixture, "an environment of any length comes back, padded to 256") {
  for (const std::size_t size : {0, 1, 254, 255, 256, 257, 511, 512, 100'000}) {
    environment = SecretBuffer::copy_of(std::string(size, 'v'));
    const auto bundle = verify_bundle(make(), credential.identity);
    REQUIRE(bundle);
    CHECK(bundle->sealed.size() == crypto_box_SEALBYTES + (size / 256 + 1) * 256);
    const auto opened = open_bundle(*bundle, credential.box_key);
    REQUIRE(opened);
    CHECK(opened->same_content(environment));
  }
}

TEST_CASE_METHOD(Fixture, "a byte flipped anywhere in a bundle is refused") {
  const auto compact = make();
  for (std::size_t i = 0; i < compact.size(); ++i) {
    auto changed = compact;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CAPTURE(i);
    CHECK_FALSE(verify_fault(changed).empty());
    changed[i] = static_cast<char>(compact[i] ^ 1);
    CHECK_FALSE(verify_fault(changed).empty());
  }
}

TEST_CASE_METHOD(Fixture, "a bundle cut short at any length is refused") {
  const auto compact = make();
  for (std::size_t size = 0; size < compact.size(); ++size) {
    CHECK_FALSE(verify_fault(std::string_view(compact).substr(0, size)).empty());
  }
}

TEST_CASE_METHOD(Fixture, "a bundle of another organization is refused") {
  facts.organization = "evil";
  CHECK(verify_fault(make()) == "verify bundle: it is for organization 'evil', not 'acme'");
}

TEST_CASE_METHOD(Fixture, "a bundle of another agent is refused") {
  facts.agent = "other";
  CHECK(verify_fault(make()) == "verify bundle: it is for agent 'other', not 'receptionist'");
}

TEST_CASE_METHOD(Fixture, "a bundle for another credential is refused") {
  facts.recipient = "cred-2";
  CHECK(verify_fault(make()) == "verify bundle: it is for recipient 'cred-2', not 'cred-1'");
}

TEST_CASE_METHOD(Fixture, "a bundle sealed to another credential does not open") {
  credential = test::agent_credential(test::identity(), 0x80);
  const auto compact = make();
  credential = test::agent_credential();
  const auto bundle = verify_bundle(compact, credential.identity);
  REQUIRE(bundle);
  CHECK(open_fault(bundle->sealed) == "open bundle: it is sealed to another key, or damaged");
}

TEST_CASE_METHOD(Fixture, "a bundle signed by a key that the credential does not name is refused") {
  region = test::other_key();
  CHECK(verify_fault(make()) == "verify bundle: the signature is wrong");
  const auto compact = make_bundle(facts, environment, credential.box_key.public_key, "region-9",
                                   test::region_key());
  CHECK(verify_fault(*compact) == "verify bundle: signed by an unknown key 'region-9'");
}

TEST_CASE_METHOD(Fixture, "the standby key of the region may sign") {
  credential.identity.verification_keys.push_back(
      {.kid = "region-2", .key = test::other_key().public_key()});
  const auto compact =
      make_bundle(facts, environment, credential.box_key.public_key, "region-2", test::other_key());
  CHECK(verify_fault(*compact).empty());
}

TEST_CASE_METHOD(Fixture, "a request proof is no bundle") {
  CHECK(verify_fault(sign_jws("region-1", "agent-secrets-request+jwt", payload(), region)) ==
        "verify bundle: the header is not that of type 'agent-secrets-bundle'");
}

TEST_CASE_METHOD(Fixture, "a bundle signed twice is refused") {
  const auto compact = make();
  CHECK_FALSE(verify_fault(compact + "." + compact).empty());
  CHECK(payload_fault(compact) == "read bundle: not valid JSON");
}

TEST_CASE_METHOD(Fixture, "signed members that are missing or mistyped are named") {
  CHECK(payload_fault(payload()).empty());
  for (const std::string member : {"organization", "agent", "deployment", "sequence", "recipient",
                                   "sets", "region", "issued_at", "nonce", "sealed"}) {
    CHECK(payload_fault(payload('"' + member + '"', "\"x\"")) ==
          "read bundle: member '" + member + "': missing");
  }
  CHECK(payload_fault(payload(":7", ":-7")) ==
        "read bundle: member 'sequence': not a non-negative integer");
  CHECK(payload_fault(payload(":3", ":\"3\"")) ==
        "read bundle: member 'sets[0].version': not a non-negative integer");
  CHECK(payload_fault(payload("\"version\"", "\"v\"")) ==
        "read bundle: member 'sets[0].version': missing");
  CHECK(payload_fault(payload("Zm9v", "Zm9v=")) ==
        "read bundle: member 'sealed': not canonical base64url");
  CHECK(payload_fault(payload("\"cred-1\"", "\"cred 1\"")) ==
        "read bundle: member 'recipient': not a key id");
}

TEST_CASE_METHOD(Fixture, "unknown members of a bundle are ignored") {
  CHECK(payload_fault(payload("{", R"({"later":{"a":[]},)")).empty());
}

TEST_CASE_METHOD(Fixture, "more sets than the bound are refused") {
  std::string sets;
  for (int i = 0; i < 64; ++i) sets += R"({"name":"s","version":1},)";
  CHECK(payload_fault(payload(R"({"name")", sets + R"({"name")")) ==
        "read bundle: member 'sets': more than 64 elements");
}

TEST_CASE_METHOD(Fixture, "a sealed part flipped at any byte does not open") {
  const auto bundle = verify_bundle(make(), credential.identity);
  REQUIRE(bundle);
  for (std::size_t i = 0; i < bundle->sealed.size(); ++i) {
    auto sealed = bundle->sealed;
    sealed[i] ^= 1;
    CAPTURE(i);
    CHECK_FALSE(open_fault(sealed).empty());
  }
}

TEST_CASE_METHOD(Fixture, "a sealed part cut short at any length does not open") {
  const auto bundle = verify_bundle(make(), credential.identity);
  REQUIRE(bundle);
  for (std::size_t size = 0; size < bundle->sealed.size(); ++size) {
    CHECK(open_fault({bundle->sealed.begin(),
                      bundle->sealed.begin() + static_cast<std::ptrdiff_t>(size)}) ==
          "open bundle: the sealed part has an impossible length");
  }
}

TEST_CASE_METHOD(Fixture, "wrong padding is refused") {
  CHECK(open_fault(seal(std::string(256, '\0'))) == "open bundle: the padding is wrong");
  CHECK(open_fault(seal(std::string(256, 'v'))) == "open bundle: the padding is wrong");
  CHECK(open_fault(seal("\x80" + std::string(256, '\0') + std::string(255, 'v'))) ==
        "open bundle: the padding is wrong");
  CHECK(open_fault(seal("A=1\0\x80"sv)) == "open bundle: the sealed part has an impossible length");
  CHECK(open_fault(seal("\x80" + std::string(255, '\0'))).empty());
}

TEST_CASE_METHOD(Fixture, "nothing is sealed to a public key of low order") {
  const auto bundle = make_bundle(facts, environment, BoxPublicKey{}, "region-1", region);
  REQUIRE_FALSE(bundle);
  CHECK(bundle.error().code == ErrorCode::invalid);
}

TEST_CASE_METHOD(Fixture, "a bundle that no instance would read is not made") {
  environment = SecretBuffer(limits::kBundle * 3 / 4);
  const auto bundle =
      make_bundle(facts, environment, credential.box_key.public_key, "region-1", region);
  REQUIRE_FALSE(bundle);
  CHECK(bundle.error().code == ErrorCode::too_large);
}
