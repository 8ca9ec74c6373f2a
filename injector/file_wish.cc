#include "injector/file_wish.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include <fmt/format.h>

#include "core/limits.h"

namespace agent_secrets {
namespace {

constexpr const char* kHint =
    "write --file KEY=VARIABLE, or --file KEY=VARIABLE:/run/agent-secrets/files/NAME";

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::invalid, "--file: " + std::move(message), kHint);
}

// Allows one spelling only, so two different paths are two files.
bool is_plain_path(const std::string& path) {
  return path.starts_with('/') && !path.ends_with('/') && path.size() <= limits::kSecretFilePath &&
         std::filesystem::path(path).lexically_normal().string() == path;
}

Result<FileWish> parse_file_wish(const std::string& word) {
  const std::size_t equals = word.find('=');
  FileWish wish{.key = word.substr(0, equals), .variable = {}, .path = {}};
  if (wish.key.empty()) return refuse(fmt::format("'{}' names no key", word));
  if (equals == std::string::npos) return wish;
  const std::string rest = word.substr(equals + 1);
  const std::size_t colon = rest.find(':');
  wish.variable = rest.substr(0, colon);
  if (wish.variable.empty() || wish.variable.find('=') != std::string::npos) {
    return refuse(fmt::format("'{}' names no variable", word));
  }
  if (colon == std::string::npos) return wish;
  wish.path = rest.substr(colon + 1);
  if (!is_plain_path(wish.path)) {
    return refuse(
        fmt::format("'{}' is not an absolute path without '.', '..' and '//'", wish.path));
  }
  return wish;
}

Result<void> check_unique(const std::vector<FileWish>& files, const FileWish& wish) {
  if (std::ranges::find(files, wish.key, &FileWish::key) != files.end()) {
    return refuse(fmt::format("{} is given twice", wish.key));
  }
  if (!wish.path.empty() && std::ranges::find(files, wish.path, &FileWish::path) != files.end()) {
    return refuse(fmt::format("two keys have the path {}", wish.path));
  }
  return {};
}

}  // namespace

Result<std::vector<FileWish>> parse_file_wishes(const std::vector<std::string>& words) {
  if (words.size() > limits::kSecretFiles) {
    return refuse(fmt::format("more than {} files", limits::kSecretFiles));
  }
  std::vector<FileWish> files;
  files.reserve(words.size());
  for (const std::string& word : words) {
    auto wish = parse_file_wish(word);
    if (!wish) return propagate(wish);
    if (auto unique = check_unique(files, *wish); !unique) return propagate(unique);
    files.push_back(std::move(*wish));
  }
  return files;
}

bool has_paths(const std::vector<FileWish>& files) {
  return std::ranges::any_of(files, [](const FileWish& file) { return !file.path.empty(); });
}

}  // namespace agent_secrets
