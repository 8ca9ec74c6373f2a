#include "core/encoding.h"

#include "tests/catch.h"

using namespace agent_secrets;

TEST_CASE("base64url encodes the vectors of RFC 4648 without padding") {
  CHECK(base64url_encode({}).empty());
  CHECK(base64url_encode(as_bytes("f")) == "Zg");
  CHECK(base64url_encode(as_bytes("fo")) == "Zm8");
  CHECK(base64url_encode(as_bytes("foobar")) == "Zm9vYmFy");
  CHECK(base64url_encode(as_bytes("\xfb\xff")) == "-_8");
}

TEST_CASE("base64url decodes what it encodes, for every length and byte") {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    const auto decoded = base64url_decode(base64url_encode(as_bytes(bytes)));
    REQUIRE(decoded);
    CHECK(as_text(*decoded) == bytes);
    bytes += static_cast<char>(i);
  }
}

TEST_CASE("a secret is encoded to the same base64url, after the part that is not secret") {
  std::string bytes;
  for (int i = 0; i < 100; ++i) {
    CHECK(base64url_encode_secret(as_bytes(bytes), "key_").expose_text() ==
          "key_" + base64url_encode(as_bytes(bytes)));
    bytes += static_cast<char>(7 * i);
  }
}

TEST_CASE("both decoders of base64url say the same of every character at every place") {
  for (const std::string good : {"Zm9vYmFy", "Zm9vYg", "Zm9vYmE"}) {
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string text = good;
        text[at] = static_cast<char>(c);
        const auto open = base64url_decode(text);
        const auto secret = base64url_decode_secret(text);
        CAPTURE(good, at, c);
        REQUIRE(open.has_value() == secret.has_value());
        if (open) REQUIRE(as_text(*open) == secret->expose_text());
      }
    }
  }
}

TEST_CASE("base64url into guarded memory gives the same bytes") {
  const auto decoded = base64url_decode_secret("Zm9vYmFy");
  REQUIRE(decoded);
  CHECK(decoded->expose_text() == "foobar");
  const auto empty = base64url_decode_secret("");
  REQUIRE(empty);
  CHECK(empty->empty());
}

TEST_CASE("base64url with padding is refused") {
  CHECK_FALSE(base64url_decode("Zg=="));
  CHECK_FALSE(base64url_decode("Zm8="));
  CHECK_FALSE(base64url_decode_secret("Zg=="));
}

TEST_CASE("base64url with trailing bits that are not zero is refused") {
  CHECK_FALSE(base64url_decode("Zh"));
  CHECK_FALSE(base64url_decode("Zm9"));
  CHECK_FALSE(base64url_decode_secret("Zh"));
}

TEST_CASE("base64url of an impossible length is refused") {
  CHECK_FALSE(base64url_decode("Z"));
  CHECK_FALSE(base64url_decode_secret("Z"));
  CHECK_FALSE(base64url_decode("Zm9vY"));
}

TEST_CASE(
    "bytes beyond ASCII are refused in base64url, also where libsodium takes them for digits") {
  for (const auto* text : {"\x80m9v", "Zm9\x80", "Zm9\xff", "\xc3\xa4Zm"}) {
    CHECK_FALSE(base64url_decode(text));
    CHECK_FALSE(base64url_decode_secret(text));
  }
}

TEST_CASE("the standard alphabet, white space and NUL are refused in base64url") {
  using namespace std::string_view_literals;
  for (const auto text :
       {"+_8A"sv, "-/8A"sv, "Zm9v "sv, " Zm9v"sv, "Zm\n9v"sv, "Zm9\0"sv, "Zm9.v"sv}) {
    CAPTURE(text);
    CHECK_FALSE(base64url_decode(text));
    CHECK_FALSE(base64url_decode_secret(text));
  }
}

TEST_CASE("of all 256 bytes, base64url takes the 64 of its alphabet") {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = {'Z', 'm', '9', static_cast<char>(byte)};
    const auto decoded = base64url_decode(text);
    CAPTURE(byte);
    CHECK((!decoded || base64url_encode(*decoded) == text));
    CHECK(base64url_decode_secret(text).has_value() == decoded.has_value());
  }
}

TEST_CASE("random tokens are base64url of the asked size and differ") {
  const auto token = random_token(16);
  CHECK(base64url_decode(token)->size() == 16);
  CHECK(token != random_token(16));
}
