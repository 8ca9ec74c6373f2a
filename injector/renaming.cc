#include "injector/renaming.h"

#include <algorithm>

#include <fmt/format.h>

namespace agent_secrets {

Result<std::vector<Rename>> parse_renames(const std::vector<std::string>& words) {
  std::vector<Rename> renames;
  renames.reserve(words.size());
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    const std::string from = word.substr(0, equals);
    const std::string to = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (from.empty() || to.empty() || to.find('=') != std::string::npos) {
      return fail(
          ErrorCode::invalid, fmt::format("--rename: '{}' is not FROM=TO", word),
          "write the set's key, '=' and the name for the command: --rename API_KEY=BOT_KEY");
    }
    if (std::ranges::find(renames, from, &Rename::from) != renames.end()) {
      return fail(ErrorCode::invalid, fmt::format("--rename names {} twice", from),
                  "give each key one name");
    }
    renames.push_back({.from = from, .to = to});
  }
  return renames;
}

Result<void> check_prefix(std::string_view prefix) {
  if (prefix.find('=') == std::string_view::npos) return {};
  return fail(ErrorCode::invalid, fmt::format("--prefix: '{}' has a '='", prefix),
              "write letters, digits and '_': --prefix BOT_");
}

std::string renamed(std::string_view key, const Renaming& renaming) {
  const auto named = std::ranges::find(renaming.renames, key, &Rename::from);
  if (named != renaming.renames.end()) return named->to;
  return renaming.prefix + std::string(key);
}

}  // namespace agent_secrets
