#pragma once
// One bundle from the control plane: `GET <base>/instance/v1/bundle` with a proof of who asks, and
// everything checked that can be checked before decrypting: media type, signature, whose it is, and
// that it answers this very request (the nonce). Source: docs/protocol.md.
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
// The control plane takes a request for kBundleTarget for the start of an instance. `check` and
// `env` only look, and a one-shot command is not counted among the instances. A developer's run is
// counted apart, and for a day.
inline constexpr std::string_view kBundleCheckTarget = "/instance/v1/bundle?purpose=check";
inline constexpr std::string_view kBundleOneShotTarget = "/instance/v1/bundle?purpose=one-shot";
inline constexpr std::string_view kBundleDevelopTarget = "/instance/v1/bundle?purpose=develop";

struct FetchedBundle {
  std::string compact;  // as received: what a cache keeps
  VerifiedBundle verified;
};

// `transport`, `clock` and `random` are the seams of tests; `instance_id` is a valid one.
Result<FetchedBundle> fetch_bundle(Transport& transport, Clock& clock, const RandomFraction& random,
                                   const AgentCredential& credential,
                                   const std::string& instance_id, const RetryPolicy& policy,
                                   std::string_view target = kBundleTarget);

}  // namespace agent_secrets
