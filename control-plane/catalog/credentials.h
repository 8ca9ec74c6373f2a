#pragma once
// Credentials of agents: their public halves. The private halves exist only in the credential file
// that `credential issue` prints, or in the memory of the process that made the key.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/model/actor.h"
#include "control-plane/model/time.h"
#include "core/credential.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct CatalogContext;
class Transaction;

enum class CredentialPurpose {
  bot,      // mounted into the agent's containers
  develop,  // of a developer's run, for some hours (catalog/develop.h)
};
std::string_view to_string(CredentialPurpose purpose);  // "bot", "develop"

struct CredentialTerms {
  std::string label = {};                 // for people; may be empty
  std::optional<UnixMs> expires_at = {};  // from then on it is refused
  CredentialPurpose purpose = CredentialPurpose::bot;
};

struct CredentialRecord {
  std::string kid;
  std::string agent;
  CredentialPublicKeys keys;
  UnixMs created_at{};
  std::optional<UnixMs> revoked_at;
  bool confirmed = false;  // the region has its present state
  CredentialTerms terms = {};
  std::string made_by = {};  // describe() of the actor; "": before actors were recorded
};

class Credentials {
 public:
  explicit Credentials(CatalogContext& context) : context_(context) {}

  // ErrorCode::forbidden if the actor may not register a credential with this purpose. To register
  // the same keys with the same terms again changes nothing, and succeeds: a client may repeat a
  // request whose answer it has not received.
  Result<CredentialRecord> add(const Actor& actor, std::int64_t organization_id,
                               std::string_view agent, std::string_view kid,
                               const CredentialPublicKeys& keys, const CredentialTerms& terms = {});
  Result<std::vector<CredentialRecord>> list(std::int64_t organization_id, std::string_view agent);
  // Of all agents that are not deleted, by agent.
  Result<std::vector<CredentialRecord>> list_all(std::int64_t organization_id);
  Result<void> revoke(const Actor& actor, std::int64_t organization_id, std::string_view agent,
                      std::string_view kid);

 private:
  CatalogContext& context_;
};

// For the other subjects. A revision of the agent that the region does not have yet; returns it.
std::int64_t raise_revision(Transaction& tx, std::int64_t agent_id);

}  // namespace agent_secrets::control_plane
