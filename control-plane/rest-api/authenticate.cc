#include "control-plane/rest-api/authenticate.h"

#include <array>
#include <optional>

#include <sodium.h>

#include "core/encoding.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kScheme = "bearer ";
constexpr std::size_t kTokenMax = 256;

std::optional<std::string_view> bearer_token(const Request& request) {
  const std::string_view header = request.header("authorization");
  // The scheme's name has no case (RFC 9110 section 11.1).
  if (header.size() <= kScheme.size() || header.size() > kScheme.size() + kTokenMax) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = header[i];
    if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != kScheme[i]) return {};
  }
  return header.substr(kScheme.size());
}

}  // namespace

Result<Principal> authenticate(Catalog& catalog, const Request& request) {
  const auto token = bearer_token(request);
  if (!token) return fail(ErrorCode::unauthorized, "Unauthorized");
  // 256 random bits need no slow hash: there is nothing to guess from.
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest{};
  const auto bytes = as_bytes(*token);
  crypto_hash_sha256(digest.data(), bytes.data(), bytes.size());
  auto principal = catalog.find_principal(digest);
  if (!principal) return propagate(principal, "find the token");
  if (!*principal) return fail(ErrorCode::unauthorized, "Unauthorized");
  const auto organization = request.params.find("org");
  if (organization != request.params.end() &&
      organization->second != (*principal)->organization.name) {
    return fail(ErrorCode::forbidden, "This token has no access to that organization");
  }
  return std::move(**principal);
}

}  // namespace agent_secrets::control_plane
