#include "injector/protection.h"

#include <cerrno>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace agent_secrets {

Result<void> forbid_inspection() {
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return fail(ErrorCode::failed, fmt::format("prctl PR_SET_DUMPABLE: {}", errno_message(errno)));
  }
  return {};
}

Result<void> forbid_core_dumps() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) {
    return fail(ErrorCode::failed, fmt::format("setrlimit RLIMIT_CORE: {}", errno_message(errno)));
  }
  return {};
}

}  // namespace agent_secrets
