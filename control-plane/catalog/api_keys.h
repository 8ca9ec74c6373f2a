#pragma once
// API keys of organizations. The catalog has the SHA-256 of each key (catalog/bearer.h), and a
// public key, which is no secret, as it is.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/model/actor.h"
#include "control-plane/model/time.h"
#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

struct CatalogContext;

enum class ApiKeyType { private_key, public_key };
std::string_view to_string(ApiKeyType type);  // "private", "public"

struct ApiKey {
  std::string id;  // UUID
  std::string name;
  ApiKeyType type = ApiKeyType::public_key;
  std::string key;  // of a public key; else ""
  UnixMs created_at{};
  std::optional<UnixMs> expires_at;
  std::optional<UnixMs> last_used_at;  // the beginning of that hour
  std::optional<UnixMs> revoked_at;
};

class ApiKeys {
 public:
  explicit ApiKeys(CatalogContext& context) : context_(context) {}

  // At most limits::kApiKeys live keys of a type. From `expires_at` on a key is refused.
  Result<ApiKey> add(const Actor& actor, std::int64_t organization_id, std::string_view name,
                     ApiKeyType type, const SecretBuffer& key,
                     std::optional<UnixMs> expires_at = {});
  Result<std::vector<ApiKey>> list(std::int64_t organization_id);
  // Revoking a revoked key again changes nothing, and succeeds.
  Result<void> revoke(const Actor& actor, std::int64_t organization_id, std::string_view id);

 private:
  CatalogContext& context_;
};

}  // namespace agent_secrets::control_plane
