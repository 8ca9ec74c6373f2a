#pragma once
// What a deploy command calls the thing that it deploys: AGENT_SECRETS_DEPLOY_NAME, made of the
// organization and the agent. Two organizations may have agents of one name; a target that is named
// by its agent alone would be shared by them.
//
// "ORGANIZATION--AGENT" where neither has "--" and the whole is a DNS label (RFC 1123): then the
// one "--" is where the two meet. All else is "READABLE-HASH": what can be read of the two, without
// "--", and 80 bits of BLAKE2b over both. Either form is a name for Kubernetes, Compose and Fly.
// The result depends on the two names alone and never changes.
//
// Collisions: within the first form none, because it can be taken apart; between the forms none,
// because only the first has "--"; within the second only where 80 bits of the hash agree.

#include <string>
#include <string_view>

namespace agent_secrets::control_plane {

// Both are names that the catalog accepts (catalog/rules.h).
std::string deploy_name(std::string_view organization, std::string_view agent);

}  // namespace agent_secrets::control_plane
