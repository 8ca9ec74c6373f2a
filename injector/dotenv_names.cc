#include "injector/dotenv_names.h"

#include <algorithm>

namespace agent_secrets {
namespace {

constexpr std::string_view kSpace = " \t\r\f\v";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string_view without_export(std::string_view key) {
  constexpr std::string_view kExport = "export";
  if (!key.starts_with(kExport) || key.size() == kExport.size() ||
      kSpace.find(key[kExport.size()]) == std::string_view::npos) {
    return key;
  }
  return trimmed(key.substr(kExport.size()));
}

std::string_view unquoted(std::string_view key) {
  const bool quoted = key.size() >= 2 && key.front() == '\'' && key.back() == '\'';
  return quoted ? key.substr(1, key.size() - 2) : key;
}

// "" if the line sets no key.
std::string_view key_of(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return {};
  return unquoted(without_export(trimmed(line.substr(0, equals))));
}

}  // namespace

std::vector<std::string> keys_set_by_dotenv(std::string_view text,
                                            const std::vector<std::string>& keys) {
  std::vector<std::string> found;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size() - 1);
    const std::string_view key = key_of(text.substr(0, end + 1));
    if (std::ranges::find(keys, key) != keys.end() &&
        std::ranges::find(found, key) == found.end()) {
      found.emplace_back(key);
    }
    text.remove_prefix(end + 1);
  }
  return found;
}

}  // namespace agent_secrets
