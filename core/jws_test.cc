#include "core/jws.h"

#include <fmt/format.h>
#include <sodium.h>

#include "core/encoding.h"
#include "core/limits.h"
#include "core/test_keys.h"
#include "tests/catch.h"

using namespace agent_secrets;

namespace {

constexpr std::string_view kType = "test";
constexpr std::string_view kPayload = R"({"greeting":"hello"})";

bool is_untrusted(std::string_view compact, const KeyLookup& find_key) {
  const auto verified = verify_jws(compact, kType, find_key);
  return !verified && verified.error().code == ErrorCode::untrusted;
}

// Signed with the correct key, over any header.
std::string sign_with_header(std::string_view header, const SigningKey& key,
                             std::string_view payload = kPayload) {
  auto compact = base64url_encode(as_bytes(header)) + '.' + base64url_encode(as_bytes(payload));
  return compact + '.' + base64url_encode(key.sign(as_bytes(compact)));
}

struct Fixture {
  SigningKey key = test::region_key();
  KeyLookup find_key = test::only_key("k1", key);
  std::string compact = sign_jws("k1", kType, kPayload, key);
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a signed payload comes back as it was, with its key id") {
  const auto verified = verify_jws(compact, kType, find_key);
  REQUIRE(verified);
  CHECK(verified->kid == "k1");
  CHECK(as_text(verified->payload) == kPayload);
}

TEST_CASE_METHOD(Fixture, "the protected header is spelled byte for byte") {
  CHECK(as_text(*base64url_decode(compact.substr(0, compact.find('.')))) ==
        R"({"alg":"Ed25519","kid":"k1","typ":"test"})");
}

TEST_CASE("Ed25519 keys and signatures are those of RFC 8032, test 2") {
  const auto seed = *base64url_decode("TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs");
  const auto key = SigningKey::from_seed(std::span<const std::uint8_t, 32>(seed));
  CHECK(base64url_encode(key.public_key()) == "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw");
  CHECK(base64url_encode(key.sign(as_bytes("\x72"))) ==
        "kqAJqfDUyrhyDoILX2QlQKKye1QWUD-Ps3YiI-vbadoIWsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAA");
}

TEST_CASE_METHOD(Fixture, "a character changed anywhere in a JWS is refused") {
  for (std::size_t i = 0; i < compact.size(); ++i) {
    for (const char other : {'A', 'B', '.', '=', '\n'}) {
      if (compact[i] == other) continue;
      auto changed = compact;
      changed[i] = other;
      CAPTURE(i, other);
      CHECK(is_untrusted(changed, find_key));
    }
  }
}

TEST_CASE_METHOD(Fixture, "a JWS cut short or made longer is refused") {
  for (std::size_t size = 0; size < compact.size(); ++size) {
    CHECK(is_untrusted(std::string_view(compact).substr(0, size), find_key));
  }
  for (const char* more : {".", "A", "=", " ", "\n", ".AAAA"}) {
    CHECK(is_untrusted(compact + more, find_key));
    CHECK(is_untrusted(more + compact, find_key));
  }
}

TEST_CASE_METHOD(Fixture, "another algorithm is refused, even when signed by the right key") {
  for (const char* header :
       {R"({"alg":"EdDSA","kid":"k1","typ":"test"})", R"({"alg":"none","kid":"k1","typ":"test"})",
        R"({"alg":"HS256","kid":"k1","typ":"test"})",
        R"({"alg":"ed25519","kid":"k1","typ":"test"})"}) {
    CHECK(is_untrusted(sign_with_header(header, key), find_key));
  }
}

TEST_CASE_METHOD(Fixture, "a header with other order, white space, members or escapes is refused") {
  for (const char* header : {R"({"kid":"k1","alg":"Ed25519","typ":"test"})",
                             R"({"typ":"test","kid":"k1","alg":"Ed25519"})",
                             R"({ "alg":"Ed25519","kid":"k1","typ":"test"})",
                             R"({"alg": "Ed25519","kid":"k1","typ":"test"})",
                             "{\"alg\":\"Ed25519\",\"kid\":\"k1\",\"typ\":\"test\"}\n",
                             R"({"alg":"Ed25519","kid":"k1","typ":"test","crit":["x"]})",
                             R"({"alg":"Ed25519","kid":"k1","kid":"k1","typ":"test"})",
                             R"({"alg":"Ed25519","kid":"\u006b1","typ":"test"})",
                             R"({"alg":"Ed25519","kid":"","typ":"test"})",
                             R"({"alg":"Ed25519","typ":"test"})", R"({})", ""}) {
    CAPTURE(header);
    CHECK(is_untrusted(sign_with_header(header, key), find_key));
  }
}

TEST_CASE_METHOD(Fixture, "a header whose parts overlap is refused") {
  CHECK(is_untrusted(sign_with_header(R"({"alg":"Ed25519","kid":","typ":"test"})", key), find_key));
}

TEST_CASE_METHOD(Fixture, "a JWS of another type is refused") {
  CHECK(is_untrusted(sign_jws("k1", "other", kPayload, key), find_key));
  CHECK(is_untrusted(sign_jws("k1", "test2", kPayload, key), find_key));
  CHECK(is_untrusted(sign_jws("k1", "", kPayload, key), find_key));
}

TEST_CASE_METHOD(Fixture, "a key id that nobody knows is refused") {
  CHECK(is_untrusted(sign_jws("k2", kType, kPayload, key), find_key));
}

TEST_CASE_METHOD(Fixture, "another key under a known key id is refused") {
  CHECK(is_untrusted(sign_jws("k1", kType, kPayload, test::other_key()), find_key));
}

TEST_CASE_METHOD(Fixture, "the signature of another payload is refused") {
  const auto other = sign_jws("k1", kType, R"({"greeting":"hullo"})", key);
  const auto spliced = compact.substr(0, compact.rfind('.')) + other.substr(other.rfind('.'));
  CHECK(is_untrusted(spliced, find_key));
}

TEST_CASE_METHOD(Fixture, "an empty signature is refused") {
  CHECK(is_untrusted(compact.substr(0, compact.rfind('.') + 1), find_key));
}

TEST_CASE_METHOD(Fixture, "base64url with padding is refused in every segment") {
  const auto first = compact.find('.');
  const auto second = compact.rfind('.');
  for (const auto position : {first, second, compact.size()}) {
    auto padded = compact;
    padded.insert(position, "=");
    CHECK(is_untrusted(padded, find_key));
    padded.insert(position, "=");
    CHECK(is_untrusted(padded, find_key));
  }
}

TEST_CASE_METHOD(Fixture,
                 "a payload that is not canonical base64url is refused, even when signed") {
  const auto header = compact.substr(0, compact.find('.'));
  for (const char* payload : {"Zg==", "Zh", "Z", "Zm 9v", "+/8A"}) {
    const auto signed_part = fmt::format("{}.{}", header, payload);
    const auto signature = base64url_encode(key.sign(as_bytes(signed_part)));
    CHECK(is_untrusted(fmt::format("{}.{}", signed_part, signature), find_key));
  }
}

TEST_CASE_METHOD(Fixture, "a signature moved by the group order is refused") {
  // S + L verifies in a careless implementation: RFC 8032 section 8.4 (malleability).
  auto signature = *base64url_decode(compact.substr(compact.rfind('.') + 1));
  const auto order = *base64url_decode("7dP1XBpjEljWnPei3vneFAAAAAAAAAAAAAAAAAAAABA");
  unsigned carry = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    carry += signature[32 + i] + order[i];
    signature[32 + i] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  CHECK(is_untrusted(compact.substr(0, compact.rfind('.') + 1) + base64url_encode(signature),
                     find_key));
}

TEST_CASE_METHOD(Fixture, "no key is looked up for a key id that is not one") {
  for (const std::string& kid : {std::string("a b"), std::string("../x"), std::string(65, 'k')}) {
    const auto header = R"({"alg":"Ed25519","kid":")" + kid + R"(","typ":"test"})";
    bool asked = false;
    const KeyLookup find = [&](std::string_view) -> std::optional<SigningPublicKey> {
      asked = true;
      return key.public_key();
    };
    CHECK(is_untrusted(sign_with_header(header, key), find));
    CHECK_FALSE(asked);
  }
}

TEST_CASE_METHOD(Fixture, "a JWS past the limit is refused") {
  const std::string payload(limits::kBundle, 'x');
  CHECK(is_untrusted(sign_jws("k1", kType, payload, key), find_key));
}

TEST_CASE("key ids are 1 to 64 letters, digits, '_' and '-'") {
  CHECK(is_key_id("a"));
  CHECK(is_key_id("AZaz09_-"));
  CHECK(is_key_id(std::string(64, 'k')));
  CHECK_FALSE(is_key_id(""));
  CHECK_FALSE(is_key_id(std::string(65, 'k')));
  for (const char* text : {"a b", "a\"", "a.b", "\xc3\xa9", "a\n"}) CHECK_FALSE(is_key_id(text));
  CHECK_FALSE(is_key_id(std::string_view("a\0b", 3)));
}

TEST_CASE("a JWS with an empty payload verifies") {
  const auto key = test::region_key();
  const auto verified =
      verify_jws(sign_jws("k1", kType, "", key), kType, test::only_key("k1", key));
  REQUIRE(verified);
  CHECK(verified->payload.empty());
}
