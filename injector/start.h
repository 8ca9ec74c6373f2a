#pragma once
// The material of one start: the values, and the facts about them. The credential is read, used and
// wiped here: when gather_material() returns, the key that opens bundles no longer exists.

#include <chrono>
#include <memory>
#include <string>

#include "core/bundle.h"
#include "core/credential.h"
#include "core/error.h"
#include "core/fetch.h"
#include "core/secret_buffer.h"
#include "core/transport.h"
#include "injector/deadline.h"
#include "injector/env_file.h"
#include "injector/options.h"
#include "injector/progress.h"
#include "injector/running_state.h"
#include "injector/state_folder.h"

namespace agent_secrets {

struct StartMaterial {
  SecretBuffer block;  // the environment block: the only copy of the values
  BundleFacts facts;   // empty for an env file
  SecretsSource source = SecretsSource::fetched;
  StateFolder state;
  std::string instance_id;
  SecretBuffer watch_credential;  // for the sidecar, if it is wanted
};

// One attempt takes at most a third of the timeout, so a silent host leaves time for two more
// attempts.
RetryPolicy retry_policy(std::chrono::seconds timeout);

// It trusts the certificates that the credential names.
std::unique_ptr<Transport> make_transport(const CredentialIdentity& identity,
                                          const Options& options);

// For the request that carries the token of the CLI's login: never plain http, but to loopback. An
// empty `ca_pem` trusts the system's certificates.
std::unique_ptr<Transport> make_login_transport(std::string ca_pem);

// `credential_variable` is the result of take_credential_variable(). After an error `progress` is
// at the step that failed.
Result<StartMaterial> gather_material(const Options& options, char** environment,
                                      const SecretBuffer& credential_variable,
                                      const Deadline& deadline, Progress& progress);

// The hints for a deployment without secrets. A start and a check continue, with a warning.
inline constexpr std::string_view kNoSetHint = "deploy the agent with a secret set (--secrets SET)";
inline constexpr std::string_view kEmptySetHint =
    "write keys into the set, and deploy the agent again";

// Logs one warning if the bundle has no values: no set, or an empty set.
void warn_of_no_secrets(const StartMaterial& material, const Log& log);

// The options for reading env files. `environment` is the image's, for --expand.
EnvFileOptions env_file_options(const Options& options, char** environment);

// Writes running.json, if this run is the bot. A failure is only a warning, and only if the user
// named the directory.
void publish_state(const StartMaterial& material, const Log& log);

// Starts the sidecar, if it is wanted. Returns an error only for --sidecar=required.
Result<void> start_sidecar(const Options& options, const StartMaterial& material,
                           char** environment, const Deadline& deadline, const Log& log);

}  // namespace agent_secrets
