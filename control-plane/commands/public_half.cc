#include "control-plane/commands/public_half.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iostream>

#include <sodium.h>

#include "core/encoding.h"
#include "core/json_reader.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::size_t kPublicHalfBytes = 4096;

template <std::size_t Size>
std::array<std::uint8_t, Size> read_key(const JsonObject& object, std::string_view name) {
  std::array<std::uint8_t, Size> key{};
  const auto bytes = base64url_decode(object.text(name, kPublicHalfBytes));
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

Result<PublicHalf> parse_public_half(std::string_view text) {
  JsonDocument document(text, kPublicHalfBytes);
  const JsonObject root = document.root();
  PublicHalf half{.kid = std::string(root.text("kid", limits::kKeyIdMax)), .keys = {}};
  half.keys.signing = read_key<crypto_sign_PUBLICKEYBYTES>(root, "signing_key");
  half.keys.box = read_key<crypto_box_PUBLICKEYBYTES>(root, "box_key");
  if (auto read = document.finish(); !read) return propagate(read);
  if (!are_usable(half.keys)) return fail(ErrorCode::invalid, "no keys that can be used");
  return half;
}

}  // namespace

Result<PublicHalf> read_public_half(const std::string& path) {
  const std::string name = path == "-" ? "standard input" : path;
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& input = path == "-" ? std::cin : file;
  if (path != "-" && !file.is_open()) {
    return fail(ErrorCode::failed, "read " + name + ": " + errno_message(errno),
                "give the file that secret-injector keygen was printed into");
  }
  std::string text(kPublicHalfBytes + 1, '\0');
  input.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(input.gcount()));
  auto half = parse_public_half(text);
  if (!half) {
    half.error().hint = "give what secret-injector keygen printed, not the file that it wrote";
    return propagate(half, name);
  }
  return half;
}

}  // namespace agent_secrets::control_plane
