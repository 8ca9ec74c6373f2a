#include "injector/sequence_memory.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include <fmt/format.h>
#include <sodium.h>

#include "core/bundle.h"
#include "core/encoding.h"
#include "core/limits.h"

namespace agent_secrets {
namespace {

// Organization and agent have no NUL, so two different pairs have different bytes.
std::string hash_of_agent(const CredentialIdentity& identity) {
  const std::string bytes = identity.organization + '\0' + identity.agent;
  std::array<std::uint8_t, 16> hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()),
                     bytes.size(), nullptr, 0);
  return base64url_encode(hash);
}

}  // namespace

SequenceMemory::SequenceMemory(const CredentialIdentity& identity)
    : name_("agent-" + hash_of_agent(identity)),
      owner_(fmt::format(" {}/{}\n", identity.organization, identity.agent)) {}

Result<std::optional<std::int64_t>> SequenceMemory::read(const CacheDirectory& directory) const {
  const std::string name = name_ + ".sequence";
  auto content = directory.read(name, limits::kSequenceMemory);
  if (!content) return propagate(content);
  if (!*content) return std::optional<std::int64_t>();
  const std::string& text = **content;
  std::int64_t sequence = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), sequence);
  const std::string_view rest(end, text.data() + text.size());
  if (error != std::errc() || sequence < 0 || rest != owner_) {
    return fail(
        ErrorCode::untrusted,
        fmt::format("cache: {}: it does not hold this agent's sequence", directory.path_of(name)),
        std::string(kRemoveFileHint));
  }
  return std::optional(sequence);
}

Result<void> SequenceMemory::write(const CacheDirectory& directory, std::int64_t sequence) const {
  return directory.replace(name_ + ".sequence", fmt::format("{}{}", sequence, owner_));
}

std::optional<std::int64_t> highest_cached_sequence(const CacheDirectory& directory,
                                                    const CredentialIdentity& identity) {
  constexpr std::string_view kSuffix = ".bundle";
  std::optional<std::int64_t> highest;
  CredentialIdentity recipient = identity;
  for (const std::string& name : directory.names(kSuffix, limits::kCachedBundles)) {
    auto text = directory.read(name, limits::kCachedBundle);
    if (!text || !*text) continue;
    recipient.kid = name.substr(0, name.size() - kSuffix.size());
    const auto verified = verify_bundle(**text, recipient);
    if (verified) highest = std::max(highest.value_or(0), verified->facts.sequence);
  }
  return highest;
}

}  // namespace agent_secrets
