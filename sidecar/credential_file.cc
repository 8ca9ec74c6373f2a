#include "sidecar/credential_file.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/secret_buffer.h"

namespace agent_secrets::sidecar {

Result<WatchCredential> read_credential_fd(UniqueFd fd) {
  SecretBuffer text(limits::kCredential + 1);  // one more, to detect a text that is too long
  std::size_t size = 0;
  while (size < text.size()) {
    const auto rest = text.expose().subspan(size);
    const ssize_t got = ::read(fd.get(), rest.data(), rest.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return fail(ErrorCode::failed, fmt::format("read credential: {}", errno_message(errno)));
    }
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  return parse_watch_credential(text.expose_text().substr(0, size));
}

Result<WatchCredential> read_credential_file(const std::string& path) {
  // Symbolic links are followed: mounted secrets are links in Kubernetes.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) {
    return fail(ErrorCode::failed,
                fmt::format("open credential {}: {}", path, errno_message(errno)));
  }
  return read_credential_fd(std::move(fd));
}

}  // namespace agent_secrets::sidecar
