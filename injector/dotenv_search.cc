#include "injector/dotenv_search.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/limits.h"
#include "injector/dotenv_names.h"
#include "injector/file.h"
#include "injector/python_script.h"

namespace agent_secrets {
namespace {

bool is_disabled(char** environment) {
  const char* value = find_variable(environment, "PYTHON_DOTENV_DISABLED");
  constexpr auto kTrue = std::to_array<const char*>({"1", "true", "t", "yes", "y"});
  return value != nullptr && std::ranges::any_of(kTrue, [value](const char* word) {
           return ::strcasecmp(value, word) == 0;
         });
}

bool is_same_file(const std::string& one, const std::vector<std::string>& others) {
  return std::ranges::any_of(others, [&](const std::string& other) {
    std::error_code error;
    return std::filesystem::equivalent(one, other, error);
  });
}

std::string bounded_list(const std::vector<std::string>& keys) {
  const std::size_t named = std::min(keys.size(), limits::kDotenvKeysNamed);
  std::string text = fmt::format(
      "{}", fmt::join(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(named), ", "));
  if (named < keys.size()) text += fmt::format(" and {} more", keys.size() - named);
  return text;
}

}  // namespace

FoundDotenv find_dotenv(const DotenvSearch& search) {
  if (is_disabled(search.environment)) return {};
  std::string directory =
      script_directory(search.command, search.environment, search.working_directory);
  for (std::size_t i = 0; i < limits::kDotenvDirectories; ++i) {
    std::string path = directory + (directory.ends_with('/') ? ".env" : "/.env");
    struct stat status{};
    // A directory of that name, for example a virtual environment, is skipped.
    if (::stat(path.c_str(), &status) == 0 &&
        (S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode))) {
      const bool is_env_file = is_same_file(path, search.env_files);
      return {.path = std::move(path),
              .is_env_file = is_env_file,
              .is_fifo = S_ISFIFO(status.st_mode),
              .is_empty = status.st_size == 0};
    }
    const std::size_t slash = directory.rfind('/');
    if (slash == std::string::npos || directory.size() == 1) break;
    directory.resize(std::max<std::size_t>(slash, 1));
  }
  return {};
}

Result<std::vector<std::string>> keys_in_dotenv(const std::string& path,
                                                const std::vector<std::string>& names) {
  auto file = read_file(path, limits::kDotenvFile);
  if (!file) return propagate(file);
  return keys_set_by_dotenv(file->text.expose_text(), names);
}

void warn_of_dotenv(const Options& options, char** image, const std::vector<EnvironmentEntry>& set,
                    const Arrangement& arranged, const std::vector<char*>& composed,
                    const Log& log) {
  if (set.empty() || !log.tells(LogLevel::warning)) return;
  std::vector<char*> environment = composed;
  const FoundDotenv found = find_dotenv({.command = options.command,
                                         .env_files = options.env_files,
                                         .environment = environment.data(),
                                         .working_directory = "."});
  if (found.path.empty() || found.is_env_file || found.is_fifo || found.is_empty) return;
  const auto keys = keys_in_dotenv(
      found.path, injected_names(explain_environment(image, set, arranged, composed)));
  if (!keys || keys->empty()) return;  // `check` reports a file that cannot be read
  log.warning("a .env has injected keys: load_dotenv(override=True) would use its values",
              {{"file", found.path},
               {"keys", bounded_list(*keys)},
               {"hint", "call load_dotenv() without override, or take the keys out of that file"}});
}

}  // namespace agent_secrets
