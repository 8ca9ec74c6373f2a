#include "control-plane/commands/scratch_directory.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <stdlib.h>

namespace agent_secrets::control_plane {

std::string temporary_directory() {
  std::error_code ignored;
  const auto directory = std::filesystem::temp_directory_path(ignored);
  return ignored ? "/tmp" : directory.string();
}

Result<std::string> make_scratch_directory(const std::string& parent, Undo& undo) {
  std::string path = (std::filesystem::path(parent) / ".agent-secrets-backup-XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr) {
    return fail(ErrorCode::failed, "create a directory in " + parent + ": " + errno_message(errno),
                "choose a directory that this user may write to; TMPDIR names the one for "
                "temporary files");
  }
  undo.add(path);
  return path;
}

}  // namespace agent_secrets::control_plane
