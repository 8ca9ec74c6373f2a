#include "injector/sealed_memory.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include "core/write_file.h"

namespace agent_secrets {
namespace {

constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
// MFD_NOEXEC_SEAL, since Linux 6.3: the file can never become executable. Older headers lack it.
constexpr unsigned kNoExecution = 8;

std::unexpected<Error> fail_errno(std::string_view call) {
  return fail(ErrorCode::failed, fmt::format("{}: {}", call, errno_message(errno)));
}

UniqueFd make_memory(const std::string& name) {
  UniqueFd memory(::memfd_create(name.c_str(), kFlags | kNoExecution));
  if (memory.is_open() || errno != EINVAL) return memory;
  return UniqueFd(::memfd_create(name.c_str(), kFlags));  // a kernel without MFD_NOEXEC_SEAL
}

}  // namespace

Result<UniqueFd> seal_in_memory(const std::string& name, std::string_view content) {
  UniqueFd memory = make_memory(name);
  if (!memory.is_open()) return fail_errno("memfd_create");
  if (auto written = write_all(memory.get(), content, name); !written) return propagate(written);
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (::fcntl(memory.get(), F_ADD_SEALS, kSeals) != 0) return fail_errno("seal memfd");
  return memory;
}

}  // namespace agent_secrets
