#pragma once
// One bundle from the control plane: `GET <base>/instance/v1/bundle` with a proof of who asks, and
// everything checked that can be checked before decrypting: media type, signature, whose it is, and
// that it answers this very request (the nonce). Source: DESIGN section 6, docs/protocol.md.
//
// Retried inside the deadline: connections, time-outs, 429, 5xx (core/fetch.h). Final at
// once, each with a hint: 401, 403, 404, 409 and every other status. A 401 `clock-skew` is retried
// once with the server's own time.

#include <string>
#include <string_view>

#include "core/bundle.h"
#include "core/credential.h"
#include "core/error.h"
#include "core/fetch.h"

namespace agent_secrets {

inline constexpr std::string_view kBundleTarget = "/instance/v1/bundle";
// The same, for whoever only looks: the control plane takes the other for the start of an instance.
inline constexpr std::string_view kBundleCheckTarget = "/instance/v1/bundle?purpose=check";

struct FetchedBundle {
  std::string compact;  // as received: what a cache keeps
  VerifiedBundle verified;
};

// `transport`, `clock` and `random` are the seams of tests; `instance_id` is a valid one.
Result<FetchedBundle> fetch_bundle(Transport& transport, Clock& clock, const RandomFraction& random,
                                   const AgentCredential& credential,
                                   const std::string& instance_id, const RetryPolicy& policy,
                                   std::string_view target = kBundleTarget);

// What this instance is called in the fleet view: the host name where it is fit to be one,
// otherwise a random name.
std::string choose_instance_id(const char* host_name);

}  // namespace agent_secrets
