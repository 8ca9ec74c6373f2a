#pragma once
// `secret-injector check`, the doctor: what a start would do, step by step, without doing it. The
// steps are those of a start and in its order, made of the same parts, with a look at the container
// at the end; the first that fails is the last one.
//
// Nothing is executed, and no cache, state or directory is written: it may be run beside a living
// bot, on a read-only root, as often as one likes. It costs the control plane one bundle.
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

using TransportFactory = std::function<std::unique_ptr<Transport>(const CredentialIdentity&)>;

// Borrows all of it for the call.
struct CheckSurroundings {
  char** image;  // the environment
  const SecretBuffer& credential_variable;
  std::string working_directory;
  Clock& clock;
  TransportFactory make_transport;
};

// Told of each step as soon as it is over.
using StepObserver = std::function<void(const Step&)>;

CheckReport run_check(const Options& options, const CheckSurroundings& surroundings,
                      const StepObserver& observe);

}  // namespace agent_secrets
