#pragma once
// `secret-injector check`, the doctor: tries the steps of a start, in their order and with the same
// code, and then checks the container. It ends at the first step that fails.
//
// It executes nothing, and writes no cache, state or directory. So it can run beside a running bot,
// on a read-only root, and repeatedly. Each run requests one bundle from the control plane. With
// --agent it first registers a key of its own, which the control plane accepts for some minutes.
//
// Threads: one.

#include <functional>
#include <memory>
#include <string>

#include "core/clock.h"
#include "core/credential.h"
#include "core/secret_buffer.h"
#include "core/transport.h"
#include "injector/check_report.h"
#include "injector/options.h"

namespace agent_secrets {

using LoginTransportFactory = std::function<std::unique_ptr<Transport>(std::string ca_pem)>;
using TransportFactory = std::function<std::unique_ptr<Transport>(const CredentialIdentity&)>;

// All members are borrowed for the call.
struct CheckSurroundings {
  char** image;  // the environment
  const SecretBuffer& credential_variable;
  std::string working_directory;
  Clock& clock;
  TransportFactory make_transport;
  LoginTransportFactory make_login_transport;  // for --agent
};

// Called after each step.
using StepObserver = std::function<void(const Step&)>;

CheckReport run_check(const Options& options, const CheckSurroundings& surroundings,
                      const StepObserver& observe);

}  // namespace agent_secrets
