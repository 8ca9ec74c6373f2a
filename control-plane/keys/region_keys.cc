#include "control-plane/keys/region_keys.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <sodium.h>

#include "control-plane/keys/aead.h"
#include "control-plane/keys/key_file.h"
#include "core/encoding.h"
#include "core/json_reader.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

constexpr std::string_view kPrefix = "agentregion_v2_";
constexpr std::string_view kFirstPrefix = "agentregion_v1_";
constexpr std::int64_t kAuthorityKeysMax = 64;
constexpr std::size_t kKeySize = 32;
static_assert(kKeySize == kAeadKeySize && kKeySize == kAuthorityKeySize);
using Checksum = std::array<std::uint8_t, 4>;
using Bytes = std::span<const std::uint8_t>;

std::string public_json(const RegionKeys& keys) {
  json::array ids;
  for (const RegionKeys::DataKey& data : keys.data_keys) ids.emplace_back(data.id);
  json::object root{{"region", keys.region},
                    {"signing_key", keys.signing_kid},
                    {"data_keys", std::move(ids)},
                    {"authority_keys", keys.authority_keys.size()}};
  if (!keys.announcements.empty()) {
    root["announcements"] = json::array(keys.announcements.begin(), keys.announcements.end());
  }
  return json::serialize(root);
}

Checksum checksum(std::string_view public_part, Bytes secret) {
  crypto_generichash_state state{};
  std::array<std::uint8_t, crypto_generichash_BYTES> hash{};
  crypto_generichash_init(&state, nullptr, 0, hash.size());
  const Bytes open = as_bytes(public_part);
  crypto_generichash_update(&state, open.data(), open.size());
  crypto_generichash_update(&state, secret.data(), secret.size());
  crypto_generichash_final(&state, hash.data(), hash.size());
  Checksum first{};
  std::copy_n(hash.begin(), first.size(), first.begin());
  sodium_memzero(hash.data(), hash.size());
  sodium_memzero(&state, sizeof state);
  return first;
}

std::unexpected<Error> refuse(std::string_view why) {
  return fail(ErrorCode::invalid, std::string(why),
              "write the file again with secret-control-plane region export-keys CODE FILE");
}

Result<RegionKeys> parse_public_part(std::string_view text) {
  JsonDocument document(text, limits::kRegionKeys);
  const JsonObject root = document.root();
  RegionKeys keys;
  keys.region = root.name_text("region", limits::kWireName);
  keys.signing_kid = root.text("signing_key", limits::kKeyIdMax);
  if (!is_key_id(keys.signing_kid)) root.refuse("signing_key", "not a key id");
  for (const auto id : root.texts("data_keys", limits::kRegionDataKeys, limits::kKeyIdMax)) {
    if (!is_key_id(id)) root.refuse("data_keys", "not a key id");
    keys.data_keys.push_back({.id = std::string(id), .key = {}});
  }
  if (keys.data_keys.empty()) root.refuse("data_keys", "empty");
  const std::int64_t authority_keys = root.integer("authority_keys");
  if (authority_keys < 1 || authority_keys > kAuthorityKeysMax) {
    root.refuse("authority_keys", "not a number of keys");
  } else {
    keys.authority_keys.resize(static_cast<std::size_t>(authority_keys));
  }
  if (root.has("announcements")) {
    for (const auto announcement :
         root.texts("announcements", limits::kKeyAnnouncements, limits::kKeyAnnouncement)) {
      keys.announcements.emplace_back(announcement);
    }
  }
  if (auto read = document.finish(); !read) return refuse("public part: " + read.error().message);
  return keys;
}

// Checks the checksum, and returns the secret part without it.
Result<Bytes> checked(std::string_view public_part, const SecretBuffer& secret) {
  const Bytes bytes = secret.expose();
  if (bytes.size() < Checksum().size()) return refuse("the secret part is too short");
  const Bytes keys = bytes.first(bytes.size() - Checksum().size());
  const Checksum sum = checksum(public_part, keys);
  if (sodium_memcmp(sum.data(), bytes.last(sum.size()).data(), sum.size()) == 0) return keys;
  return refuse("the checksum does not match: the text was damaged");
}

std::string how_to_write(std::string_view code) {
  return fmt::format("write it with secret-control-plane region export-keys {} FILE", code);
}

Result<SecretBuffer> read_file(const std::string& path, std::string_view code) {
  auto text = read_key_file(path, "the keys of a region", limits::kRegionKeys);
  if (!text && text.error().hint.empty()) {
    text.error().hint = fmt::format("{}, or set {}", how_to_write(code), kRegionKeysVariable);
  }
  return text;
}

std::size_t count_of_keys(const RegionKeys& keys) {
  return 1 + keys.data_keys.size() + keys.authority_keys.size();
}

void take_keys(RegionKeys& keys, Bytes bytes) {
  const auto next = [&bytes] {
    SecretBuffer key = SecretBuffer::copy_of(bytes.first(kKeySize));
    bytes = bytes.subspan(kKeySize);
    return key;
  };
  keys.signing_seed = next();
  for (RegionKeys::DataKey& data : keys.data_keys) data.key = next();
  for (SecretBuffer& key : keys.authority_keys) key = next();
}

}  // namespace

std::string data_key_purpose(std::string_view region) { return fmt::format("region:{}", region); }

std::string authority_purpose(std::string_view region) {
  return fmt::format("authority:{}", region);
}

SecretBuffer region_keys_text(const RegionKeys& keys) {
  const std::string public_part = public_json(keys);
  SecretBuffer secret(count_of_keys(keys) * kKeySize + Checksum().size());
  auto end = std::ranges::copy(keys.signing_seed.expose(), secret.expose().begin()).out;
  for (const RegionKeys::DataKey& data : keys.data_keys) {
    end = std::ranges::copy(data.key.expose(), end).out;
  }
  for (const SecretBuffer& key : keys.authority_keys) {
    end = std::ranges::copy(key.expose(), end).out;
  }
  const Bytes before(secret.expose().begin(), end);
  std::ranges::copy(checksum(public_part, before), end);
  return base64url_encode_secret(
      secret.expose(), fmt::format("{}{}.", kPrefix, base64url_encode(as_bytes(public_part))));
}

Result<RegionKeys> parse_region_keys(std::string_view text) {
  if (text.starts_with(kFirstPrefix)) {
    return refuse("it was written by an earlier version, and has no keys for authority codes");
  }
  if (!text.starts_with(kPrefix)) return refuse(fmt::format("it does not start with {}", kPrefix));
  text.remove_prefix(kPrefix.size());
  const auto dot = std::min(text.find('.'), text.size());
  const auto public_bytes = base64url_decode(text.substr(0, dot));
  if (!public_bytes) return refuse("the public part is not base64url");
  const auto secret = base64url_decode_secret(text.substr(std::min(dot + 1, text.size())));
  if (!secret) return refuse("the secret part is not base64url");
  const std::string_view public_part = as_text(*public_bytes);
  auto bytes = checked(public_part, *secret);
  if (!bytes) return propagate(bytes);
  auto keys = parse_public_part(public_part);
  if (!keys) return keys;
  if (bytes->size() != count_of_keys(*keys) * kKeySize) {
    return refuse("the secret part does not have as many keys as the public part names");
  }
  take_keys(*keys, *bytes);
  return keys;
}

Result<RegionKeys> load_region_keys(const std::string& path, std::string_view code) {
  auto variable = take_key_variable(kRegionKeysVariable);
  const std::string source = variable ? kRegionKeysVariable : path;
  auto text = variable ? Result<SecretBuffer>(std::move(*variable)) : read_file(path, code);
  if (!text) return propagate(text);
  auto keys = parse_region_keys(text->expose_text());
  if (!keys) return propagate(keys, source);
  if (keys->region == code) return keys;
  return fail(ErrorCode::invalid,
              fmt::format("{} has the keys of region {}, and this is a node of region {}", source,
                          keys->region, code),
              how_to_write(code));
}

RegionSigningKeys take_signing_keys(RegionKeys& keys) {
  const SecretBuffer seed = std::move(keys.signing_seed);
  return {.active_kid = keys.signing_kid,
          .active = SigningKey::from_seed(std::span<const std::uint8_t, kKeySize>(seed.expose())),
          .verification_keys = {},
          .announcements = std::move(keys.announcements)};
}

ValueCipher take_cipher(RegionKeys& keys) {
  std::map<std::string, SecretBuffer> by_id;
  for (RegionKeys::DataKey& data : keys.data_keys) by_id.emplace(data.id, std::move(data.key));
  return {data_key_purpose(keys.region), std::move(by_id), keys.data_keys.front().id};
}

Authority take_authority(RegionKeys& keys, UncodedRows uncoded) {
  return {authority_purpose(keys.region), std::move(keys.authority_keys), uncoded};
}

}  // namespace agent_secrets::control_plane
