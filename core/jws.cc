#include "core/jws.h"

#include <algorithm>

#include <fmt/format.h>
#include <sodium.h>

#include "core/encoding.h"
#include "core/limits.h"

namespace agent_secrets {
namespace {

constexpr std::string_view kHeaderStart = R"({"alg":"Ed25519","kid":")";
constexpr std::string_view kHeaderMiddle = R"(","typ":")";
constexpr std::string_view kHeaderEnd = R"("})";
constexpr std::size_t kSignatureText = 86;  // 64 bytes in base64url

struct Segments {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_part;  // header "." payload
};

std::optional<Segments> split(std::string_view compact) {
  const auto first = compact.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = compact.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  // A third dot stays in the signature; base64url decoding refuses it.
  return Segments{.header = compact.substr(0, first),
                  .payload = compact.substr(first + 1, second - first - 1),
                  .signature = compact.substr(second + 1),
                  .signed_part = compact.substr(0, second)};
}

// The key id, if the header has exactly our spelling. base64url has one spelling for each value, so
// comparing the decoded bytes is as strict as comparing the segment.
std::optional<std::string> header_key_id(std::string_view segment, std::string_view type) {
  const auto size = kHeaderStart.size() + limits::kKeyIdMax + kHeaderMiddle.size() + type.size() +
                    kHeaderEnd.size();
  if (segment.size() > (size + 2) / 3 * 4) return std::nullopt;
  const auto bytes = base64url_decode(segment);
  if (!bytes) return std::nullopt;
  auto header = as_text(*bytes);
  const auto tail = fmt::format("{}{}{}", kHeaderMiddle, type, kHeaderEnd);
  if (!header.starts_with(kHeaderStart) || !header.ends_with(tail)) return std::nullopt;
  if (header.size() < kHeaderStart.size() + tail.size()) return std::nullopt;
  header.remove_prefix(kHeaderStart.size());
  header.remove_suffix(tail.size());
  if (!is_key_id(header)) return std::nullopt;
  return std::string(header);
}

bool is_key_id_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

}  // namespace

SigningKey SigningKey::from_seed(std::span<const std::uint8_t, 32> seed, SecretSlab* slab) {
  static_assert(crypto_sign_SEEDBYTES == 32 && crypto_sign_SECRETKEYBYTES == kSecretSize);
  SigningKey key;
  key.secret_key_ = take_or_allocate(slab, kSecretSize);
  crypto_sign_seed_keypair(key.public_key_.data(), key.secret_key_.expose().data(), seed.data());
  return key;
}

std::array<std::uint8_t, 64> SigningKey::sign(std::span<const std::uint8_t> message) const {
  AGENT_SECRETS_ASSERT(secret_key_.size() == crypto_sign_SECRETKEYBYTES);
  std::array<std::uint8_t, crypto_sign_BYTES> signature{};
  crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(),
                       secret_key_.expose().data());
  return signature;
}

bool is_key_id(std::string_view text) {
  return !text.empty() && text.size() <= limits::kKeyIdMax &&
         std::all_of(text.begin(), text.end(), is_key_id_character);
}

std::string sign_jws(std::string_view kid, std::string_view type, std::string_view payload,
                     const SigningKey& key) {
  AGENT_SECRETS_ASSERT(is_key_id(kid));
  const auto header = fmt::format("{}{}{}{}{}", kHeaderStart, kid, kHeaderMiddle, type, kHeaderEnd);
  std::string compact;
  compact.reserve(base64url_size(header.size()) + base64url_size(payload.size()) + kSignatureText +
                  2);
  append_base64url(compact, as_bytes(header));
  compact += '.';
  append_base64url(compact, as_bytes(payload));
  const auto signature = key.sign(as_bytes(compact));
  compact += '.';
  append_base64url(compact, signature);
  return compact;
}

Result<VerifiedJws> verify_jws(std::string_view compact, std::string_view type,
                               const KeyLookup& find_key) {
  if (compact.size() > limits::kBundle) return fail(ErrorCode::untrusted, "a JWS too long");
  const auto segments = split(compact);
  if (!segments) return fail(ErrorCode::untrusted, "not a compact JWS");
  auto kid = header_key_id(segments->header, type);
  if (!kid) {
    return fail(ErrorCode::untrusted, fmt::format("the header is not that of type '{}'", type));
  }
  if (segments->signature.size() != kSignatureText) {
    return fail(ErrorCode::untrusted, "the signature is missing or of another length");
  }
  const auto key = find_key(*kid);
  if (!key) {
    return fail(ErrorCode::untrusted, fmt::format("signed by an unknown key '{}'", *kid),
                "issue a new credential, if the region's signing key has been rotated");
  }
  const auto signature = base64url_decode(segments->signature);
  if (!signature ||
      crypto_sign_verify_detached(signature->data(), as_bytes(segments->signed_part).data(),
                                  segments->signed_part.size(), key->data()) != 0) {
    return fail(ErrorCode::untrusted, "the signature is wrong");
  }
  auto payload = base64url_decode(segments->payload);
  if (!payload) return fail(ErrorCode::untrusted, "the payload is not canonical base64url");
  return VerifiedJws{.kid = std::move(*kid), .payload = std::move(*payload)};
}

}  // namespace agent_secrets
