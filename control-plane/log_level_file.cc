#include "control-plane/log_level_file.h"

#include <fstream>

#include <fmt/format.h>

#include "core/limits.h"
#include "core/printable.h"

namespace agent_secrets::control_plane {

Result<LogLevel> read_log_level(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(limits::kLogLevelFile, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return fail(ErrorCode::failed, "read the log level: " + path + " cannot be read");
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (const auto level = parse_log_level(text)) return *level;
  return fail(ErrorCode::invalid,
              fmt::format("read the log level: {} has '{}'", path, printable(text)),
              "write debug, info, warning or error into it");
}

}  // namespace agent_secrets::control_plane
