#include "core/public_half.h"

#include <algorithm>
#include <array>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <sodium.h>

#include "core/encoding.h"
#include "core/json_reader.h"
#include "core/limits.h"

namespace agent_secrets {
namespace {

// Without the prefix a key id could begin with '-', and a command would take it for an option.
std::string key_id_of(const CredentialPublicKeys& keys) {
  std::array<std::uint8_t, crypto_generichash_BYTES_MIN> hash{};
  crypto_generichash(hash.data(), hash.size(), keys.signing.data(), keys.signing.size(), nullptr,
                     0);
  return "ak_" + base64url_encode(hash);
}

template <std::size_t Size>
std::array<std::uint8_t, Size> read_key(const JsonObject& object, std::string_view name) {
  std::array<std::uint8_t, Size> key{};
  const auto bytes = base64url_decode(object.text(name, limits::kPublicHalf));
  if (bytes && bytes->size() == Size) {
    std::ranges::copy(*bytes, key.begin());
  } else {
    object.refuse(name, "not a key in base64url");
  }
  return key;
}

// Keys without a secret half, or with a secret half that anyone can compute, are not usable.
bool are_usable(const CredentialPublicKeys& keys) {
  std::array<std::uint8_t, crypto_box_SEALBYTES> sealed{};
  return crypto_core_ed25519_is_valid_point(keys.signing.data()) == 1 &&
         crypto_box_seal(sealed.data(), nullptr, 0, keys.box.data()) == 0;
}

}  // namespace

PublicHalf public_half_of(std::span<const std::uint8_t, 32> seed) {
  const CredentialPublicKeys keys = credential_public_keys(seed);
  return {.kid = key_id_of(keys), .keys = keys};
}

std::string public_half_json(const PublicHalf& half) {
  return boost::json::serialize(
      boost::json::object{{"kid", half.kid},
                          {"signing_key", base64url_encode(half.keys.signing)},
                          {"box_key", base64url_encode(half.keys.box)}});
}

Result<PublicHalf> parse_public_half(std::string_view json) {
  JsonDocument document(json, limits::kPublicHalf);
  const JsonObject root = document.root();
  PublicHalf half{.kid = std::string(root.text("kid", limits::kKeyIdMax)), .keys = {}};
  half.keys.signing = read_key<crypto_sign_PUBLICKEYBYTES>(root, "signing_key");
  half.keys.box = read_key<crypto_box_PUBLICKEYBYTES>(root, "box_key");
  if (auto read = document.finish(); !read) return propagate(read);
  if (!are_usable(half.keys)) return fail(ErrorCode::invalid, "no keys that can be used");
  return half;
}

}  // namespace agent_secrets
