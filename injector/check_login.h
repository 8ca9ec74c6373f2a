#pragma once
// The doctor's steps of a run with the login of the official CLI (--agent): login, register. They
// come before the steps of the connection (check_connection.h), which then use the registered key.
//
// Threads: one.

#include <string>

#include "core/check_report.h"
#include "core/clock.h"
#include "core/credential.h"
#include "core/error.h"
#include "core/fetch.h"
#include "core/log.h"
#include "core/transport.h"
#include "injector/cli_login.h"
#include "injector/develop.h"

namespace agent_secrets {

struct FoundLogin {
  CliLogin cli;
  std::string certificates;  // of authorities, PEM; "": the system's
};

// Takes PIPECAT_TOKEN out of the environment.
Result<FoundLogin> find_login(const DevelopWish& wish, char** environment, const Log& log);
Step login_step(const FoundLogin& login);

// Registers a key as a start does, but tries once, and for some minutes: only the check uses it.
Result<AgentCredential> register_for_check(Transport& transport, Clock& clock,
                                           const FoundLogin& login, DevelopWish wish,
                                           const std::string& label, RetryPolicy policy);
Step register_step(const AgentCredential& credential);

}  // namespace agent_secrets
