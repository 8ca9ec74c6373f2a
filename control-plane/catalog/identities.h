#pragma once
// The identity behind a bearer token or an API key: the first query of every REST request.
//
// A request carries one of these. Each has 256 random bits (catalog/bearer.h) and is found by its
// SHA-256:
// - an organization's token: reaches that organization, with the token's own role;
// - a user's token: reaches the present organizations of the user, or one of them, with the role of
//   the membership; but none whose membership has ended since the token was made;
// - a private API key: reaches its organization, with a member's rights;
// - a public API key: no secret, and no identity: only routes under /v1/public take it.
//
// The use of a token or key is recorded to the hour, with at most one write an hour for each: the
// requests after the first one of an hour only look into a set in memory. A use that cannot be
// recorded, on a full disk for example, does not refuse the request.
//
// Threads: safe from several.

#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control-plane/catalog/bearer.h"
#include "control-plane/catalog/users.h"
#include "control-plane/model/actor.h"
#include "control-plane/model/time.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct Identity {
  Actor actor;        // its role is only known for one of the organizations
  std::string email;  // of the user, or ""
  std::vector<Membership> reaches;
};

class Identities {
 public:
  explicit Identities(CatalogContext& context) : context_(context) {}

  // Absent: there is no such token or private key, or it is revoked or has expired.
  Result<std::optional<Identity>> find(const BearerHash& hash);
  Result<bool> is_live_public_key(const BearerHash& hash);

 private:
  enum class Table { tokens, api_keys };
  void record_use(Table table, const BearerHash& hash);
  // True once an hour for each token and key.
  bool is_first_use(const BearerHash& hash, UnixMs hour);

  CatalogContext& context_;
  std::mutex mutex_;
  UnixMs hour_{};
  std::set<BearerHash> used_;  // in this hour
};

}  // namespace agent_secrets::control_plane
