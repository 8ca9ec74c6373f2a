#include "control-plane/rollout/deploy_name.h"

#include <array>

#include <fmt/format.h>
#include <sodium.h>

#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kJoint = "--";
constexpr std::size_t kHashBytes = 10;
constexpr std::size_t kReadableMax = limits::kDeployNameMax - 1 - 2 * kHashBytes;

// Neither name can contain a '/', so two different pairs never give the same text.
std::string hash_of(std::string_view organization, std::string_view agent) {
  const std::string text = fmt::format("{}/{}", organization, agent);
  std::array<unsigned char, crypto_generichash_BYTES> hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(text.data()),
                     text.size(), nullptr, 0);
  std::string digits;
  for (std::size_t i = 0; i < kHashBytes; ++i) digits += fmt::format("{:02x}", hash[i]);
  return digits;
}

// The beginning of the text, with each run of '-' reduced to one and no '-' at the end.
std::string readable_part(std::string_view text) {
  std::string part;
  for (const char c : text) {
    if (part.size() == kReadableMax) break;
    if (c != '-' || !part.ends_with('-')) part += c;
  }
  while (part.ends_with('-')) part.pop_back();
  return part;
}

bool has_joint(std::string_view name) { return name.find(kJoint) != std::string_view::npos; }

// DNS reserves labels with "--" as third and fourth character ("xn--", RFC 5890).
bool would_be_reserved(std::string_view organization) { return organization.size() == 2; }

}  // namespace

std::string deploy_name(std::string_view organization, std::string_view agent) {
  std::string joined = fmt::format("{}{}{}", organization, kJoint, agent);
  if (!has_joint(organization) && !has_joint(agent) && !would_be_reserved(organization) &&
      joined.size() <= limits::kDeployNameMax) {
    return joined;
  }
  return fmt::format("{}-{}", readable_part(joined), hash_of(organization, agent));
}

}  // namespace agent_secrets::control_plane
