#include "control-plane/commands/public_half.h"

#include <cerrno>
#include <fstream>
#include <iostream>

#include "core/limits.h"

namespace agent_secrets::control_plane {

Result<PublicHalf> read_public_half(const std::string& path) {
  const std::string name = path == "-" ? "standard input" : path;
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& input = path == "-" ? std::cin : file;
  if (path != "-" && !file.is_open()) {
    return fail(ErrorCode::failed, "read " + name + ": " + errno_message(errno),
                "give the file that secret-injector keygen was printed into");
  }
  std::string text(limits::kPublicHalf + 1, '\0');
  input.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(input.gcount()));
  auto half = parse_public_half(text);
  if (!half) {
    half.error().hint = "give what secret-injector keygen printed, not the file that it wrote";
    return propagate(half, name);
  }
  return half;
}

}  // namespace agent_secrets::control_plane
