#pragma once
// The doctor's steps between this container and the control plane: resolve, connect, tls, clock,
// proof. They are computed from the recorded attempts of one real fetch. So the steps show what
// happened to this request, not the result of a second, different request.

#include <optional>
#include <vector>

#include "injector/check_report.h"
#include "injector/inspecting_transport.h"

namespace agent_secrets {

// `fetched` is the error of the fetch, or absent. The list ends at the first failed step. If no
// step has failed, the proof was accepted, and an error of the fetch is about the bundle.
std::vector<Step> connection_steps(const std::vector<Attempt>& attempts,
                                   const std::optional<Error>& fetched);

// The exit code for an error of a fetch.
int exit_code_of(ErrorCode code);

}  // namespace agent_secrets
