#pragma once
// Bearer tokens of the REST API. The catalog has only their SHA-256 (catalog/bearer.h).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/catalog/bearer.h"
#include "control-plane/catalog/users.h"
#include "control-plane/model/time.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct Token {
  std::int64_t id = 0;
  std::string name;
  std::string user;          // or "": a token of the organization itself
  std::string organization;  // or "": all organizations of the user
  std::optional<Role> role;  // of an organization's token; a user's token has the membership's role
  UnixMs created_at{};
  std::optional<UnixMs> expires_at;
  std::optional<UnixMs> last_used_at;  // the beginning of that hour
  std::optional<UnixMs> revoked_at;
};

class Tokens {
 public:
  explicit Tokens(CatalogContext& context) : context_(context) {}

  // From `expires_at` on a token is refused. Its name is free again then.
  Result<void> add(const Actor& actor, std::int64_t organization_id, std::string_view name,
                   Role role, const BearerHash& hash, std::optional<UnixMs> expires_at = {});
  // For one of the user's organizations; absent: for all of them, future ones included.
  Result<void> add_for_user(const Actor& actor, std::int64_t user_id,
                            std::optional<std::int64_t> organization_id, std::string_view name,
                            const BearerHash& hash, std::optional<UnixMs> expires_at = {});
  // The tokens that reach the organization, or did before they were revoked.
  Result<std::vector<Token>> list(std::int64_t organization_id);
  Result<std::vector<Token>> list_of_user(std::int64_t user_id);
  Result<void> revoke(const Actor& actor, std::int64_t organization_id, std::string_view name);
  Result<void> revoke_of_user(const Actor& actor, std::int64_t user_id, std::string_view name);

 private:
  CatalogContext& context_;
};

}  // namespace agent_secrets::control_plane
