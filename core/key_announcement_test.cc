#include "core/key_announcement.h"

#include "core/bundle.h"
#include "core/limits.h"
#include "core/test_bundle.h"
#include "core/test_keys.h"
#include "tests/catch.h"

namespace agent_secrets {
namespace {

struct Key {
  std::string kid;
  SigningKey key;
  [[nodiscard]] VerificationKey verification() const {
    return {.kid = kid, .key = key.public_key()};
  }
};

Key numbered(std::uint8_t number) {
  return {.kid = "key-" + std::to_string(number),
          .key = SigningKey::from_seed(test::numbered_seed(number))};
}

std::string announce(const Key& next, const Key& signer) {
  return announce_key(next.verification(), signer.kid, signer.key);
}

std::vector<std::string> kids(const std::vector<VerificationKey>& keys) {
  std::vector<std::string> names;
  for (const VerificationKey& key : keys) names.push_back(key.kid);
  return names;
}

// The keys of a credential, and those that the announcements add to them.
std::vector<VerificationKey> announced_keys(const std::vector<VerificationKey>& trusted,
                                            std::string_view announcements) {
  CredentialIdentity identity = test::identity();
  identity.verification_keys = trusted;
  return with_announced_keys(std::move(identity), announcements).verification_keys;
}

using Kids = std::vector<std::string>;

}  // namespace

TEST_CASE("a chain of announcements leads from the keys of a credential to newer keys") {
  const std::string chain =
      join_announcements({announce(numbered(3), numbered(2)), announce(numbered(4), numbered(3))});
  const auto keys = announced_keys({numbered(1).verification(), numbered(2).verification()}, chain);
  CHECK(kids(keys) == Kids{"key-1", "key-2", "key-3", "key-4"});
  CHECK(keys.back().key == numbered(4).key.public_key());
}

TEST_CASE("an announcement by a key that is not trusted adds nothing") {
  const std::vector<VerificationKey> trusted{numbered(2).verification()};
  CHECK(kids(announced_keys(trusted, announce(numbered(4), numbered(3)))) == Kids{"key-2"});
  // Another key under the id of a trusted one.
  const Key forger{.kid = "key-2", .key = numbered(9).key};
  CHECK(kids(announced_keys(trusted, announce(numbered(4), forger))) == Kids{"key-2"});
}

TEST_CASE("an announcement cannot replace a key that is trusted already") {
  const std::vector<VerificationKey> trusted{numbered(1).verification(),
                                             numbered(2).verification()};
  const Key other{.kid = "key-1", .key = numbered(9).key};
  const auto keys = announced_keys(trusted, announce(other, numbered(2)));
  REQUIRE(keys.size() == 2);
  CHECK(keys.front().key == numbered(1).key.public_key());
}

TEST_CASE("what is no announcement is ignored, and so is another type of JWS") {
  const std::vector<VerificationKey> trusted{numbered(2).verification()};
  const std::string good = announce(numbered(3), numbered(2));
  const std::string bundle =
      sign_jws("key-2", kBundleType, R"({"kid":"key-3","x":"AA"})", numbered(2).key);
  const std::string short_key =
      sign_jws("key-2", kKeyAnnouncementType, R"({"kid":"key-3","x":"AA"})", numbered(2).key);
  const std::string no_json = sign_jws("key-2", kKeyAnnouncementType, "no", numbered(2).key);
  for (const std::string& bad : {std::string(), std::string(" "), std::string("x.y.z"), bundle,
                                 short_key, no_json, good + "A"}) {
    CAPTURE(bad);
    CHECK(kids(announced_keys(trusted, bad)) == Kids{"key-2"});
    CHECK(kids(announced_keys(trusted, join_announcements({bad, good}))) == Kids{"key-2", "key-3"});
  }
}

TEST_CASE("only the first announcements are read, however many a server sends") {
  std::vector<std::string> chain;
  for (std::uint8_t number = 2; number < 2 + limits::kKeyAnnouncements + 1; ++number) {
    chain.push_back(announce(numbered(static_cast<std::uint8_t>(number + 1)), numbered(number)));
  }
  const auto keys = announced_keys({numbered(2).verification()}, join_announcements(chain));
  CHECK(keys.size() == 1 + limits::kKeyAnnouncements);
}

TEST_CASE("a bundle is verified by a key that its announcements lead to, and by no other") {
  const AgentCredential credential = test::agent_credential();
  const Key region{.kid = "region-1", .key = test::region_key()};
  const BundleFacts facts{.organization = "acme",
                          .agent = "receptionist",
                          .deployment = "dep-1",
                          .sequence = 1,
                          .recipient = "cred-1",
                          .sets = {},
                          .region = "us-west",
                          .issued_at = std::chrono::seconds(1),
                          .nonce = "nonce"};
  const auto bundle = make_bundle(facts, SecretBuffer::copy_of("A=1"),
                                  credential.box_key.public_key, "key-3", numbered(3).key);
  REQUIRE(bundle);
  CHECK(verify_bundle(*bundle, credential.identity).error().code == ErrorCode::untrusted);
  const std::string announced = announce(numbered(3), region);
  CHECK(verify_bundle(with_announcements(*bundle, announced), credential.identity));
  const std::string forged = announce(numbered(3), numbered(9));
  CHECK(verify_bundle(with_announcements(*bundle, forged), credential.identity).error().code ==
        ErrorCode::untrusted);
}

}  // namespace agent_secrets
