#pragma once
// What one start runs on: the values, and what is known of them. The credential is read, used and
// wiped in here: when the material exists, the key that opens bundles does not.

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
  SecretBuffer watch_credential;  // for the sidecar, where one is wanted
};

// A third of the time for one attempt: a host that accepts and is silent leaves time for two more.
RetryPolicy retry_policy(std::chrono::seconds timeout);

// That trusts whom the credential says.
std::unique_ptr<Transport> make_transport(const CredentialIdentity& identity,
                                          const Options& options);

// `credential_variable` is what take_credential_variable() took. An error belongs to the step that
// `progress` is left at.
Result<StartMaterial> gather_material(const Options& options, char** environment,
                                      const SecretBuffer& credential_variable,
                                      const Deadline& deadline, Progress& progress);

// What to do where there are no secrets at all. A start and a check go on, with a warning.
inline constexpr std::string_view kNoSetHint = "deploy the agent with a secret set (--secrets SET)";
inline constexpr std::string_view kEmptySetHint =
    "write keys into the set, and deploy the agent again";

// One warning where the bundle has no values: no set, or an empty one.
void warn_of_no_secrets(const StartMaterial& material, const Log& log);

// How this start reads its env files. `environment` is the image's, for --expand.
EnvFileOptions env_file_options(const Options& options, char** environment);

// running.json, where this run is the bot. What goes wrong is a warning where the user named the
// directory, and never more.
void publish_state(const StartMaterial& material, const Log& log);

// The sidecar, where one is wanted. An error only for --sidecar=required.
Result<void> start_sidecar(const Options& options, const StartMaterial& material,
                           char** environment, const Deadline& deadline, const Log& log);

}  // namespace agent_secrets
