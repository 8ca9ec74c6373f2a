#pragma once
// The name of a deploy command's target: AGENT_SECRETS_DEPLOY_NAME, made of the organization and
// the agent. Two organizations may have agents with the same name; with the agent's name alone they
// would share a target.
//
// "ORGANIZATION--AGENT" if neither name has "--" and the result is a DNS label (RFC 1123): then the
// only "--" separates the two. Otherwise "READABLE-HASH": the readable parts of both names, without
// "--", and 80 bits of BLAKE2b over both. Both forms are valid names for Kubernetes, Compose and
// Fly. The result depends on the two names alone and never changes.
//
// Collisions: none within the first form, because it can be split into the two names; none between
// the forms, because only the first has "--"; within the second only if 80 bits of the hash are
// equal.

#include <string>
#include <string_view>

namespace agent_secrets::control_plane {

// Both must be names that the catalog accepts (control-plane/catalog/rules.h).
std::string deploy_name(std::string_view organization, std::string_view agent);

}  // namespace agent_secrets::control_plane
