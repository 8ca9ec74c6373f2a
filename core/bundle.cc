#include "core/bundle.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <sodium.h>

#include "core/encoding.h"
#include "core/json_reader.h"
#include "core/key_announcement.h"
#include "core/limits.h"

namespace agent_secrets {
namespace {

// Padded so that the length of a bundle reveals less about the length of its values.
SecretBuffer pad(const SecretBuffer& environment) {
  const auto size = environment.size();
  SecretBuffer padded(size + limits::kSealedPadding - size % limits::kSealedPadding);
  if (size > 0) std::memcpy(padded.expose().data(), environment.expose().data(), size);
  std::size_t padded_size = 0;
  const int status =
      sodium_pad(&padded_size, padded.expose().data(), size, limits::kSealedPadding, padded.size());
  AGENT_SECRETS_ASSERT(status == 0 && padded_size == padded.size());
  return padded;
}

boost::json::array sets_json(const std::vector<SetVersion>& sets) {
  boost::json::array array;
  array.reserve(sets.size());
  for (const auto& set : sets) {
    array.push_back(boost::json::object{{"name", set.name}, {"version", set.version}});
  }
  return array;
}

BundleFacts read_facts(const JsonObject& root) {
  BundleFacts facts;
  facts.organization = root.name_text("organization", limits::kWireName);
  facts.agent = root.name_text("agent", limits::kWireName);
  facts.deployment = root.name_text("deployment", limits::kWireName);
  facts.sequence = root.integer("sequence");
  facts.recipient = root.text("recipient", limits::kKeyIdMax);
  if (!is_key_id(facts.recipient)) root.refuse("recipient", "not a key id");
  for (const auto& set : root.objects("sets", limits::kBundleSets)) {
    facts.sets.push_back({.name = std::string(set.name_text("name", limits::kSetNameMax)),
                          .version = set.integer("version")});
  }
  facts.region = root.name_text("region", limits::kWireName);
  facts.issued_at = std::chrono::seconds(root.integer("issued_at"));
  facts.nonce = root.text("nonce", limits::kNonceMax);
  return facts;
}

Result<VerifiedBundle> parse_payload(std::string_view payload) {
  JsonDocument document(payload, limits::kBundle);
  const auto root = document.root();
  VerifiedBundle bundle{.facts = read_facts(root), .signed_by = {}, .sealed = {}};
  if (auto sealed = base64url_decode(root.text("sealed", limits::kBundle))) {
    bundle.sealed = std::move(*sealed);
  } else {
    root.refuse("sealed", "not canonical base64url");
  }
  if (auto read = document.finish(); !read) return propagate(read);
  return bundle;
}

Result<void> check_addressee(const BundleFacts& facts, const CredentialIdentity& identity) {
  const auto other = [](std::string_view what, std::string_view theirs, std::string_view ours) {
    return fail(ErrorCode::untrusted,
                fmt::format("it is for {} '{}', not '{}'", what, theirs, ours),
                "issue a new credential for this agent: this one is mixed up with another's");
  };
  if (facts.organization != identity.organization) {
    return other("organization", facts.organization, identity.organization);
  }
  if (facts.agent != identity.agent) return other("agent", facts.agent, identity.agent);
  if (facts.recipient != identity.kid) return other("recipient", facts.recipient, identity.kid);
  return {};
}

}  // namespace

Result<std::string> seal_environment(const SecretBuffer& environment,
                                     const BoxPublicKey& recipient_key) {
  const auto padded = pad(environment);
  std::vector<std::uint8_t> sealed(padded.size() + crypto_box_SEALBYTES);
  if (crypto_box_seal(sealed.data(), padded.expose().data(), padded.size(), recipient_key.data()) !=
      0) {
    return fail(ErrorCode::invalid, "seal bundle: the recipient's public key is of low order");
  }
  return base64url_encode(sealed);
}

// The sealed block is most of the payload, and base64url needs no escape in JSON. It is therefore
// appended to the text of the other members.
Result<std::string> sign_bundle(const BundleFacts& facts, std::string_view sealed,
                                std::string_view region_kid, const SigningKey& region_key) {
  const boost::json::object readable{{"organization", facts.organization},
                                     {"agent", facts.agent},
                                     {"deployment", facts.deployment},
                                     {"sequence", facts.sequence},
                                     {"recipient", facts.recipient},
                                     {"sets", sets_json(facts.sets)},
                                     {"region", facts.region},
                                     {"issued_at", std::int64_t{facts.issued_at.count()}},
                                     {"nonce", facts.nonce}};
  std::string payload = boost::json::serialize(readable);
  payload.pop_back();
  constexpr std::size_t kAround = 16;  // the member's name and the quotes
  payload.reserve(payload.size() + sealed.size() + kAround);
  payload.append(R"(,"sealed":")").append(sealed).append(R"("})");
  auto compact = sign_jws(region_kid, kBundleType, payload, region_key);
  if (compact.size() > limits::kBundle) {
    return fail(ErrorCode::too_large, fmt::format("bundle of more than {} bytes", limits::kBundle));
  }
  return compact;
}

std::string with_announcements(std::string compact, std::string_view announcements) {
  if (!announcements.empty()) compact.append("\n").append(announcements);
  return compact;
}

Result<VerifiedBundle> verify_bundle(std::string_view text, const CredentialIdentity& identity) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const CredentialIdentity trusted =
      with_announced_keys(identity, text.substr(std::min(end + 1, text.size())));
  auto jws = verify_jws(text.substr(0, end), kBundleType,
                        [&](std::string_view kid) { return trusted.verification_key(kid); });
  if (!jws) return propagate(jws, "verify bundle");
  auto bundle = parse_payload(as_text(jws->payload));
  if (!bundle) {
    bundle.error().code = ErrorCode::untrusted;
    return propagate(bundle, "read bundle");
  }
  if (auto ours = check_addressee(bundle->facts, identity); !ours) {
    return propagate(ours, "verify bundle");
  }
  bundle->signed_by = std::move(jws->kid);
  return bundle;
}

Result<SecretBuffer> open_bundle(const VerifiedBundle& bundle, const BoxKey& key,
                                 SecretSlab* slab) {
  const auto& sealed = bundle.sealed;
  if (sealed.size() < crypto_box_SEALBYTES + limits::kSealedPadding ||
      (sealed.size() - crypto_box_SEALBYTES) % limits::kSealedPadding != 0) {
    return fail(ErrorCode::untrusted, "open bundle: the sealed part has an impossible length");
  }
  SecretBuffer plain = take_or_allocate(slab, sealed.size() - crypto_box_SEALBYTES);
  AGENT_SECRETS_ASSERT(key.secret_key.size() == crypto_box_SECRETKEYBYTES);
  if (crypto_box_seal_open(plain.expose().data(), sealed.data(), sealed.size(),
                           key.public_key.data(), key.secret_key.expose().data()) != 0) {
    return fail(ErrorCode::untrusted, "open bundle: it is sealed to another key, or damaged");
  }
  std::size_t size = 0;
  if (sodium_unpad(&size, plain.expose().data(), plain.size(), limits::kSealedPadding) != 0) {
    return fail(ErrorCode::untrusted, "open bundle: the padding is wrong");
  }
  plain.truncate(size);
  return plain;
}

}  // namespace agent_secrets
