#pragma once
// Fetches one bundle: `GET <base>/instance/v1/bundle` with a signed proof. Checks everything that
// can be checked before decrypting: the media type, the signature, that the bundle is for this
// credential, and that it answers this request (the nonce). Source: docs/protocol.md.
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
// The control plane records a request for kBundleTarget as the start of an instance. It does not
// record `check`, `env` and one-shot commands. It counts a developer's run separately, for a day.
inline constexpr std::string_view kBundleCheckTarget = "/instance/v1/bundle?purpose=check";
inline constexpr std::string_view kBundleOneShotTarget = "/instance/v1/bundle?purpose=one-shot";
inline constexpr std::string_view kBundleDevelopTarget = "/instance/v1/bundle?purpose=develop";

struct FetchedBundle {
  std::string text;  // as received, with announcements (core/bundle.h): what a cache keeps
  VerifiedBundle verified;
};

// `transport`, `clock` and `random` are the seams of tests; `instance_id` is a valid one.
Result<FetchedBundle> fetch_bundle(Transport& transport, Clock& clock, const RandomFraction& random,
                                   const AgentCredential& credential,
                                   const std::string& instance_id, const RetryPolicy& policy,
                                   std::string_view target = kBundleTarget);

}  // namespace agent_secrets
