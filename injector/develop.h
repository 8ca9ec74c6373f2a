#pragma once
// `secret-injector --agent NAME`: a run with the values that the agent's instances get, by the
// login of the official CLI. A key pair is made in memory; its public half is registered over the
// REST API for some hours; the answer and the key together are a credential, as in a container. The
// secret half never leaves the memory of this process, and the token goes into one header of one
// request. docs/injector.md, "Run with the team's values".

#include <chrono>
#include <string>

#include "core/clock.h"
#include "core/credential.h"
#include "core/error.h"
#include "core/fetch.h"
#include "core/secret_buffer.h"
#include "core/transport.h"
#include "injector/cli_login.h"

namespace agent_secrets {

struct DevelopWish {
  std::string agent;              // "": not such a run
  std::string organization;       // or "": that of the login
  std::chrono::seconds lifetime;  // how long the key is accepted
};

// Makes a key and registers it. Retried as core/fetch.h says; a repeated request registers nothing
// twice. `label` tells this key from others in lists: the name of this host. Errors with the
// control plane's own sentence and a hint: unauthorized (the token), forbidden (the role, the
// organization, a protected set), not_found (no such agent, or no secret-control-plane), invalid (a
// name that no agent has), untrusted (the answer is for another key). The secrets go into `slab` as
// far as it has room.
Result<AgentCredential> register_key(Transport& transport, Clock& clock,
                                     const RandomFraction& random, const CliLogin& login,
                                     const DevelopWish& wish, const std::string& label,
                                     const RetryPolicy& policy, SecretSlab* slab = nullptr);

// What to trust for that request, as the official CLI does: the certificates in the file that
// $SSL_CERT_FILE names, or "" for the system's.
Result<std::string> certificates_for_login(char** environment);

}  // namespace agent_secrets
