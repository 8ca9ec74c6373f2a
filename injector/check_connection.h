#pragma once
// The doctor's steps between this container and the control plane: resolve, connect, tls, clock,
// proof. One real fetch leaves its attempts behind, and these read them: what is shown is what
// happened to the request, not what a second, different one would have met.

#include <optional>
#include <vector>

#include "injector/check_report.h"
#include "injector/inspecting_transport.h"

namespace agent_secrets {

// `fetched` is the fetch's error, or nothing. The first failed step is the last one; when none has
// failed, the proof was accepted, and what is left of the error is the bundle's.
std::vector<Step> connection_steps(const std::vector<Attempt>& attempts,
                                   const std::optional<Error>& fetched);

// What a fetch that fails this way means for the exit code.
int exit_code_of(ErrorCode code);

}  // namespace agent_secrets
