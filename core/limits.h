#pragma once
// Every bound on what crosses a trust boundary, in one place. Sizes in bytes unless the name says
// otherwise.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace agent_secrets::limits {

// Secret sets (contract section 5.1; DESIGN section 10).
inline constexpr std::size_t kSetNameMin = 3;
inline constexpr std::size_t kSetNameMax = 63;
inline constexpr std::size_t kKeyNameMax = 64;
inline constexpr std::size_t kKeysPerSet = 1024;
inline constexpr std::size_t kSetBytes = 1024uz * 1024;
inline constexpr std::size_t kAgentNameMax = 54;

// People and what they name: display names, tokens, API keys. An address: RFC 5321 section 4.5.3.
inline constexpr std::size_t kTitleMax = 128;
inline constexpr std::size_t kEmailMax = 254;
inline constexpr std::int64_t kApiKeys = 5;  // live ones of an organization, of each type

// One environment string, `KEY=value` and its NUL: MAX_ARG_STRLEN, 32 pages (execve(2)).
inline constexpr std::size_t kEnvironmentString = 131072;

// HTTP, both sides.
inline constexpr std::size_t kRequestBody = 4uz * 1024 * 1024;
inline constexpr std::size_t kRequestBodies = 64 * kRequestBody;  // of all connections together
inline constexpr std::size_t kRequestHeader = 32uz * 1024;
inline constexpr std::size_t kResponseBody = 4uz * 1024 * 1024;

// Instance API.
inline constexpr std::size_t kCredential = 64uz * 1024;
inline constexpr std::size_t kCredentialUrls = 8;
inline constexpr std::size_t kUrl = 2048;       // a base URL, and the path and query of a request
inline constexpr std::size_t kWireName = 128;   // an organization, agent, deployment or region
inline constexpr std::size_t kBundleSets = 64;  // sets that one bundle merges
inline constexpr std::size_t kVerificationKeys = 8;
inline constexpr std::size_t kKeyIdMax = 64;
inline constexpr std::size_t kNonceMax = 64;
inline constexpr std::size_t kProof = 16uz * 1024;
inline constexpr std::size_t kInstanceIdMax = 64;
inline constexpr std::size_t kBundle = kResponseBody;
inline constexpr std::size_t kSealedPadding = 256;
inline constexpr std::chrono::seconds kClockSkew{300};
inline constexpr std::chrono::seconds kWatchWaitMax{50};

// Deploy commands (serve --on-deploy) and what is kept of their output.
inline constexpr int kRolloutsAtOnce = 4;
inline constexpr int kRolloutLines = 50;
inline constexpr std::int64_t kEventsPerAgent = 200;

// The fleet view. A watching instance asks again every kWatchWaitMax, or after a pause of at most a
// minute when it was refused or cut off: after kInstanceSilent without a word it is gone.
inline constexpr std::size_t kInstancesPerAgent = 10'000;
inline constexpr std::size_t kInstanceReportsPending = 20'000;  // of a region, not yet stored
inline constexpr std::int64_t kActiveSessionsMax = 1'000'000;   // of an instance; more is no news
inline constexpr std::chrono::seconds kInstanceSilent{150};
inline constexpr std::chrono::hours kInstanceForgotten{24};
inline constexpr std::chrono::seconds kListeningGap{30};  // a longer one makes nobody silent

// Provisioning (DESIGN section 3).
inline constexpr std::chrono::milliseconds kQuietPeriod{500};
inline constexpr std::chrono::milliseconds kQuietPeriodMax{10'000};

// The injector's cache directory: the file that remembers a sequence, and how many bundles are read
// to find one where that file is missing.
inline constexpr std::size_t kSequenceMemory = 512;
inline constexpr std::size_t kCachedBundles = 64;

}  // namespace agent_secrets::limits
