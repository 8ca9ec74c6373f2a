#pragma once
// The identity behind a bearer token or an API key: the first query of every REST request.
//
// A request carries one of these. Each has 256 random bits (catalog/bearer.h) and is found by its
// SHA-256:
// - an organization's token: reaches that organization, with the token's own role;
// - a user's token: reaches the present organizations of the user, or one of them, with the role of
//   the membership;
// - a private API key: reaches its organization, with a member's rights;
// - a public API key: no secret, and no identity: only routes under /v1/public take it.

#include <optional>
#include <string>
#include <vector>

#include "control-plane/catalog/bearer.h"
#include "control-plane/catalog/users.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct Identity {
  std::string name;   // of the user; else of the token or the key
  std::string email;  // or ""
  std::vector<Membership> reaches;
};

class Identities {
 public:
  explicit Identities(CatalogContext& context) : context_(context) {}

  // Absent: there is no such token or private key, or it is revoked.
  Result<std::optional<Identity>> find(const BearerHash& hash);
  Result<bool> is_live_public_key(const BearerHash& hash);

 private:
  CatalogContext& context_;
};

}  // namespace agent_secrets::control_plane
