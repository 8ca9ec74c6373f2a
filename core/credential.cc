#include "core/credential.h"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <sodium.h>

#include "core/encoding.h"
#include "core/json_reader.h"
#include "core/limits.h"

namespace agent_secrets {
namespace {

constexpr std::string_view kAgentPrefix = "agentcred_v1_";
constexpr std::string_view kWatchPrefix = "agentwatch_v1_";
constexpr std::string_view kWhiteSpace = " \t\r\n";
constexpr std::size_t kSeedSize = 32;
constexpr std::size_t kChecksumSize = 4;

constexpr char kSubkeyContext[crypto_kdf_CONTEXTBYTES + 1] = "agntsecr";
constexpr std::uint64_t kSigningSubkey = 1;
constexpr std::uint64_t kBoxSubkey = 2;

// Room for the decoded seed and checksum and for the derived keys: two subkeys, two secret keys.
constexpr std::size_t kAgentCredentialRoom =
    kSeedSize + kChecksumSize + 2 * kSeedSize + SigningKey::kSecretSize + crypto_box_SECRETKEYBYTES;

using Seed = std::span<const std::uint8_t, kSeedSize>;

// The first bytes of the full-length hash. libsodium computes no BLAKE2b below 16 bytes, and a
// shorter one is a different function, not a prefix (docs/decisions/0002-credential-checksum.md).
std::array<std::uint8_t, kChecksumSize> checksum(Seed secret) {
  std::array<std::uint8_t, crypto_generichash_BYTES> hash{};
  crypto_generichash(hash.data(), hash.size(), secret.data(), secret.size(), nullptr, 0);
  std::array<std::uint8_t, kChecksumSize> first{};
  std::copy_n(hash.begin(), first.size(), first.begin());
  sodium_memzero(hash.data(), hash.size());
  return first;
}

SecretBuffer derive_subkey(Seed seed, std::uint64_t id, SecretSlab* slab = nullptr) {
  static_assert(crypto_kdf_KEYBYTES == kSeedSize);
  SecretBuffer subkey = take_or_allocate(slab, kSeedSize);
  crypto_kdf_derive_from_key(subkey.expose().data(), subkey.size(), id, kSubkeyContext,
                             seed.data());
  return subkey;
}

Seed as_seed(const SecretBuffer& buffer) {
  AGENT_SECRETS_ASSERT(buffer.size() >= kSeedSize);
  return buffer.expose().first<kSeedSize>();
}

BoxKey derive_box_key(Seed seed, SecretSlab* slab = nullptr) {
  const auto subkey = derive_subkey(seed, kBoxSubkey, slab);
  BoxKey key{.public_key = {}, .secret_key = take_or_allocate(slab, crypto_box_SECRETKEYBYTES)};
  crypto_box_seed_keypair(key.public_key.data(), key.secret_key.expose().data(),
                          subkey.expose().data());
  return key;
}

SecretBuffer credential_text(std::string_view prefix, const CredentialIdentity& identity,
                             Seed secret) {
  const auto head = std::string(prefix) + base64url_encode(as_bytes(identity_json(identity))) + '.';
  SecretBuffer tail(kSeedSize + kChecksumSize);
  const auto sum = checksum(secret);
  std::copy(secret.begin(), secret.end(), tail.expose().begin());
  std::copy(sum.begin(), sum.end(), tail.expose().begin() + kSeedSize);
  return base64url_encode_secret(tail.expose(), head);
}

// With a path appended it must be a URL. It is compared as `aud`, so only one spelling is allowed.
bool is_base_url(std::string_view url) {
  const bool plain =
      std::ranges::all_of(url, [](char c) { return c > ' ' && c <= '~' && c != '?' && c != '#'; });
  return plain && (url.starts_with("https://") || url.starts_with("http://")) && url.back() != '/';
}

VerificationKey read_verification_key(const JsonObject& object) {
  VerificationKey key;
  key.kid = object.text("kid", limits::kKeyIdMax);
  if (!is_key_id(key.kid)) object.refuse("kid", "not a key id");
  const auto bytes = base64url_decode(object.text("x", limits::kKeyIdMax));
  if (bytes && bytes->size() == key.key.size()) {
    std::ranges::copy(*bytes, key.key.begin());
  } else {
    object.refuse("x", "not a 32-byte key in base64url");
  }
  return key;
}

CredentialIdentity read_identity(const JsonObject& root) {
  CredentialIdentity identity;
  for (const auto url : root.texts("urls", limits::kCredentialUrls, limits::kUrl)) {
    if (!is_base_url(url)) root.refuse("urls", "not a base URL without a slash at its end");
    identity.urls.emplace_back(url);
  }
  if (identity.urls.empty()) root.refuse("urls", "empty");
  identity.organization = root.name_text("organization", limits::kWireName);
  identity.agent = root.name_text("agent", limits::kWireName);
  identity.kid = root.text("kid", limits::kKeyIdMax);
  if (!is_key_id(identity.kid)) root.refuse("kid", "not a key id");
  for (const auto& key : root.objects("verification_keys", limits::kVerificationKeys)) {
    identity.verification_keys.push_back(read_verification_key(key));
  }
  if (identity.verification_keys.empty()) root.refuse("verification_keys", "empty");
  identity.ca_pem = root.optional_text("ca", limits::kCredential);
  return identity;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1);
}

// The text after the prefix, or an error that says what the text is instead.
Result<std::string_view> strip_prefix(std::string_view text, std::string_view prefix) {
  text = trim(text);
  if (text.size() > limits::kCredential) {
    return fail(ErrorCode::invalid, fmt::format("longer than {} bytes", limits::kCredential));
  }
  if (text.starts_with(prefix)) return text.substr(prefix.size());
  if (text.starts_with(kWatchPrefix)) {
    return fail(ErrorCode::invalid, "this is a watch credential, which cannot open bundles",
                "use the agent credential (agentcred_v1_…)");
  }
  if (text.starts_with(kAgentPrefix)) {
    return fail(ErrorCode::invalid, "this is an agent credential, which a watcher must not hold",
                "make a watch credential of it: secret-injector watch-credential");
  }
  return fail(ErrorCode::invalid, fmt::format("it does not start with {}", prefix));
}

struct CredentialParts {
  CredentialIdentity identity;
  SecretBuffer secret;  // seed or signing subkey, and the checksum behind it
};

Result<CredentialParts> parse_parts(std::string_view text, std::string_view prefix,
                                    SecretSlab* slab) {
  auto body = strip_prefix(text, prefix);
  if (!body) return propagate(body);
  const auto dot = body->find('.');
  if (dot == std::string_view::npos) return fail(ErrorCode::invalid, "it has no secret part");
  auto secret = base64url_decode_secret(body->substr(dot + 1), slab);
  if (!secret || secret->size() != kSeedSize + kChecksumSize) {
    return fail(ErrorCode::invalid, "the secret part is not 36 bytes in base64url");
  }
  const auto sum = checksum(as_seed(*secret));
  if (sodium_memcmp(sum.data(), secret->expose().data() + kSeedSize, sum.size()) != 0) {
    return fail(ErrorCode::invalid, "the checksum does not match: the text was damaged");
  }
  const auto json = base64url_decode(body->substr(0, dot));
  if (!json) return fail(ErrorCode::invalid, "the public part is not base64url");
  auto identity = parse_identity(as_text(*json));
  if (!identity) return propagate(identity, "public part");
  return CredentialParts{.identity = std::move(*identity), .secret = std::move(*secret)};
}

std::unexpected<Error> refuse_credential(Result<CredentialParts>& parts, std::string_view what) {
  if (parts.error().hint.empty()) {
    parts.error().hint = "copy the whole text that `credential issue` printed, or issue a new one";
  }
  return propagate(parts, what);
}

}  // namespace

std::optional<SigningPublicKey> CredentialIdentity::verification_key(
    std::string_view key_id) const {
  const auto found = std::ranges::find(verification_keys, key_id, &VerificationKey::kid);
  if (found == verification_keys.end()) return std::nullopt;
  return found->key;
}

std::string identity_json(const CredentialIdentity& identity) {
  boost::json::array keys;
  for (const auto& key : identity.verification_keys) {
    keys.push_back(boost::json::object{{"kid", key.kid}, {"x", base64url_encode(key.key)}});
  }
  boost::json::object object{
      {"urls", boost::json::array(identity.urls.begin(), identity.urls.end())},
      {"organization", identity.organization},
      {"agent", identity.agent},
      {"kid", identity.kid},
      {"verification_keys", std::move(keys)}};
  if (!identity.ca_pem.empty()) object.emplace("ca", identity.ca_pem);
  return boost::json::serialize(object);
}

Result<CredentialIdentity> parse_identity(std::string_view json) {
  JsonDocument document(json, limits::kCredential);
  auto identity = read_identity(document.root());
  if (auto read = document.finish(); !read) return propagate(read);
  return identity;
}

SecretBuffer agent_credential_text(const CredentialIdentity& identity, Seed seed) {
  return credential_text(kAgentPrefix, identity, seed);
}

SecretBuffer watch_credential_text(const AgentCredential& credential) {
  return credential_text(kWatchPrefix, credential.identity, as_seed(credential.signing_subkey));
}

AgentCredential make_agent_credential(CredentialIdentity identity, Seed seed, SecretSlab* slab) {
  auto signing_subkey = derive_subkey(seed, kSigningSubkey, slab);
  auto signing_key = SigningKey::from_seed(as_seed(signing_subkey), slab);
  return {.identity = std::move(identity),
          .signing_key = std::move(signing_key),
          .box_key = derive_box_key(seed, slab),
          .signing_subkey = std::move(signing_subkey)};
}

CredentialPublicKeys credential_public_keys(Seed seed) {
  const auto subkey = derive_subkey(seed, kSigningSubkey);
  return {.signing = SigningKey::from_seed(as_seed(subkey)).public_key(),
          .box = derive_box_key(seed).public_key};
}

Result<AgentCredential> parse_agent_credential(std::string_view text, SecretSlab* shared) {
  SecretSlab own(shared == nullptr ? kAgentCredentialRoom : 0);
  SecretSlab* const slab = shared == nullptr ? &own : shared;
  auto parts = parse_parts(text, kAgentPrefix, slab);
  if (!parts) return refuse_credential(parts, "agent credential");
  return make_agent_credential(std::move(parts->identity), as_seed(parts->secret), slab);
}

Result<WatchCredential> parse_watch_credential(std::string_view text) {
  auto parts = parse_parts(text, kWatchPrefix, nullptr);
  if (!parts) return refuse_credential(parts, "watch credential");
  return WatchCredential{.identity = std::move(parts->identity),
                         .signing_key = SigningKey::from_seed(as_seed(parts->secret))};
}

}  // namespace agent_secrets
