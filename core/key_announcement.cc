#include "core/key_announcement.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/encoding.h"
#include "core/json_reader.h"
#include "core/limits.h"

namespace agent_secrets {
namespace {

std::optional<VerificationKey> read_payload(std::string_view payload) {
  JsonDocument document(payload, limits::kKeyAnnouncement);
  const JsonObject root = document.root();
  VerificationKey key{.kid = std::string(root.text("kid", limits::kKeyIdMax)), .key = {}};
  const auto x = base64url_decode(root.text("x", limits::kKeyIdMax));
  if (!document.finish() || !is_key_id(key.kid)) return std::nullopt;
  if (!x || x->size() != key.key.size()) return std::nullopt;
  std::ranges::copy(*x, key.key.begin());
  return key;
}

// Absent unless a key of the identity announces a key whose id is not taken.
std::optional<VerificationKey> read(std::string_view announcement,
                                    const CredentialIdentity& identity) {
  if (announcement.size() > limits::kKeyAnnouncement) return std::nullopt;
  const auto jws = verify_jws(announcement, kKeyAnnouncementType,
                              [&](std::string_view kid) { return identity.verification_key(kid); });
  if (!jws) return std::nullopt;
  auto key = read_payload(as_text(jws->payload));
  if (!key || identity.verification_key(key->kid)) return std::nullopt;
  return key;
}

}  // namespace

std::string announce_key(const VerificationKey& next, std::string_view signer_kid,
                         const SigningKey& signer) {
  const boost::json::object payload{{"kid", next.kid}, {"x", base64url_encode(next.key)}};
  return sign_jws(signer_kid, kKeyAnnouncementType, boost::json::serialize(payload), signer);
}

std::string join_announcements(const std::vector<std::string>& announcements) {
  return fmt::format("{}", fmt::join(announcements, " "));
}

CredentialIdentity with_announced_keys(CredentialIdentity identity,
                                       std::string_view announcements) {
  for (std::size_t i = 0; i < limits::kKeyAnnouncements && !announcements.empty(); ++i) {
    const std::size_t end = std::min(announcements.find(' '), announcements.size());
    if (auto key = read(announcements.substr(0, end), identity)) {
      identity.verification_keys.push_back(std::move(*key));
    }
    announcements.remove_prefix(std::min(end + 1, announcements.size()));
  }
  return identity;
}

}  // namespace agent_secrets
