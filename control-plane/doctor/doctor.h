#pragma once
// `secret-control-plane doctor`: looks at a control plane from its host, and says what is wrong and
// what to do. It changes nothing: it makes no file, key or schema, takes no lock and no lease, and
// migrates nothing, so it can run beside servers.
//
// Each step of the report is one check. A check whose conditions do not hold is left out: data that
// cannot be read has no clock to compare, and data in PostgreSQL has no disk here.
//
// Threads: one.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control-plane/options.h"
#include "core/check_report.h"
#include "core/clock.h"
#include "core/transport.h"

namespace agent_secrets::control_plane {

struct DoctorOptions {
  DataOptions data;
  std::string tls_certificate_file;  // empty: not looked at
  std::string tls_key_file;
  std::vector<std::string> urls;  // of servers
  std::string ca_file;            // of their certificates; empty: the system's
  bool json = false;
};

using DoctorTransport = std::function<std::unique_ptr<Transport>(const DoctorOptions&)>;
// Called after each step.
using StepObserver = std::function<void(const Step&)>;

CheckReport examine(const DoctorOptions& options, const Clock& clock,
                    const DoctorTransport& transport, const StepObserver& observe);

}  // namespace agent_secrets::control_plane
