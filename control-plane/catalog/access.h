#pragma once
// Who may use what: the part of the catalog that the REST API asks first, at every request. A base
// of Catalog, so that a store is one object; apart, because it knows nothing of sets and agents.
//
// What a request can carry, all of them 256 random bits (catalog/bearer.h), found by their SHA-256:
// - an organization's token: reaches that organization, with a role of its own;
// - a user's token: reaches the organizations that the user is a member of now, with the role of
//   the membership, or one of them only;
// - a private API key: an organization's, with a member's rights;
// - a public API key: no secret, so it is kept as it is. It names no caller: /v1/public alone
//   takes it.
//
// Errors: as in catalog.h. Threads: safe from several.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/catalog/bearer.h"
#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

enum class Role { member, admin };

struct Organization {
  std::int64_t id = 0;
  std::string name;
  std::string verbose_name;
  std::string default_region;
};

struct Membership {
  Organization organization;
  Role role = Role::member;
};

struct User {
  std::int64_t id = 0;
  std::string name;
  std::string email;                    // or ""
  std::vector<Membership> memberships;  // by the organization's name
};

struct Token {
  std::int64_t id = 0;
  std::string name;
  std::string user;          // or "": the organization's own
  std::string organization;  // or "": all of the user's
  std::optional<Role> role;  // of an organization's own; a user's is the membership's
  std::chrono::milliseconds created_at{};
  std::optional<std::chrono::milliseconds> revoked_at;
};

enum class ApiKeyType { private_key, public_key };

struct ApiKey {
  std::string id;  // UUID
  std::string name;
  ApiKeyType type = ApiKeyType::public_key;
  std::string key;  // of a public one
  std::chrono::milliseconds created_at{};
  std::optional<std::chrono::milliseconds> revoked_at;
};

// Whom a token or private key speaks for, and what it reaches.
struct Identity {
  std::string name;   // the user's; else the token's or the key's own
  std::string email;  // or ""
  std::vector<Membership> reaches;
};

class Access {
 public:
  Access() = default;
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;
  virtual ~Access() = default;

  // Absent: nobody's, or revoked.
  virtual Result<std::optional<Identity>> find_identity(const BearerHash& hash) = 0;
  virtual Result<bool> is_live_public_key(const BearerHash& hash) = 0;

  virtual Result<User> add_user(std::string_view name, std::string_view email) = 0;
  virtual Result<std::optional<User>> find_user(std::string_view name) = 0;
  virtual Result<std::vector<User>> list_users() = 0;
  // With its tokens, none of which is live any more. ErrorCode::conflict while it is a member of
  // anything or has a live token: the sentence names them.
  virtual Result<void> remove_user(std::int64_t user_id) = 0;
  // Adds a membership, or gives it another role.
  virtual Result<void> put_membership(std::int64_t user_id, std::int64_t organization_id,
                                      Role role) = 0;
  virtual Result<void> remove_membership(std::int64_t user_id, std::int64_t organization_id) = 0;

  virtual Result<void> add_token(std::int64_t organization_id, std::string_view name, Role role,
                                 const BearerHash& hash) = 0;
  // For one of the user's organizations, or for all of them, also those to come.
  virtual Result<void> add_user_token(std::int64_t user_id,
                                      std::optional<std::int64_t> organization_id,
                                      std::string_view name, const BearerHash& hash) = 0;
  // Those that reach the organization, now or before they were revoked.
  virtual Result<std::vector<Token>> list_tokens(std::int64_t organization_id) = 0;
  virtual Result<std::vector<Token>> list_user_tokens(std::int64_t user_id) = 0;
  virtual Result<void> revoke_token(std::int64_t organization_id, std::string_view name) = 0;
  virtual Result<void> revoke_user_token(std::int64_t user_id, std::string_view name) = 0;

  // `key` is kept when the type is public. At most limits::kApiKeys live ones of a type.
  virtual Result<ApiKey> add_api_key(std::int64_t organization_id, std::string_view name,
                                     ApiKeyType type, const SecretBuffer& key) = 0;
  virtual Result<std::vector<ApiKey>> list_api_keys(std::int64_t organization_id) = 0;
  // Of one that is revoked already: nothing changes, and it is no error.
  virtual Result<void> revoke_api_key(std::int64_t organization_id, std::string_view id) = 0;
};

Role parse_role(std::string_view text);       // admin or, whatever else it says, member
std::string_view to_string(Role role);        // "member", "admin"
std::string_view to_string(ApiKeyType type);  // "private", "public"

}  // namespace agent_secrets::control_plane
