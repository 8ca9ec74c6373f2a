#include "core/environment_block.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "core/limits.h"

namespace agent_secrets {
namespace {

// Makes a name safe for terminals and logs: plain ASCII only, and of limited length. The names may
// come from outside.
std::string shortened(std::string_view name) {
  std::string text(name.substr(0, limits::kKeyNameMax));
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  if (name.size() > limits::kKeyNameMax) text += "...";
  return text;
}

std::size_t size_in_block(const EnvironmentPair& pair) {
  return pair.key.size() + 1 + pair.value.size() + 1;
}

std::optional<std::string> fault_of(const EnvironmentPair& pair) {
  if (pair.key.empty()) return "a key is empty";
  const auto key = shortened(pair.key);
  if (pair.key.find('=') != std::string_view::npos) return fmt::format("key '{}' has a '='", key);
  if (pair.key.find('\0') != std::string_view::npos) return fmt::format("key '{}' has a NUL", key);
  if (pair.value.find('\0') != std::string_view::npos) {
    return fmt::format("the value of '{}' has a NUL", key);
  }
  return std::nullopt;
}

char* append(char* out, std::string_view text) {
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

}  // namespace

Result<SecretBuffer> build_environment_block(std::vector<EnvironmentPair> pairs) {
  std::size_t total = 0;
  for (const auto& pair : pairs) {
    if (auto fault = fault_of(pair)) return fail(ErrorCode::invalid, std::move(*fault));
    total += size_in_block(pair);
  }
  if (total > limits::kBundle) {
    return fail(ErrorCode::too_large,
                fmt::format("the environment takes more than {} bytes", limits::kBundle));
  }
  std::ranges::sort(pairs, {}, &EnvironmentPair::key);
  const auto twice = std::ranges::adjacent_find(pairs, {}, &EnvironmentPair::key);
  if (twice != pairs.end()) {
    return fail(ErrorCode::invalid, fmt::format("key '{}' is given twice", shortened(twice->key)));
  }
  SecretBuffer block(total);  // zero-filled, so each NUL is already there
  char* out = reinterpret_cast<char*>(block.expose().data());
  for (const auto& pair : pairs) {
    out = append(out, pair.key);
    *out++ = '=';
    out = append(out, pair.value) + 1;
  }
  return block;
}

Result<std::vector<EnvironmentEntry>> parse_environment_block(const SecretBuffer& block) {
  std::vector<EnvironmentEntry> entries;
  auto rest = block.expose_text();
  if (rest.empty()) return entries;
  if (rest.size() > limits::kBundle) {
    return fail(ErrorCode::too_large,
                fmt::format("the environment takes more than {} bytes", limits::kBundle));
  }
  if (rest.back() != '\0') return fail(ErrorCode::invalid, "the last entry does not end in NUL");
  entries.reserve(static_cast<std::size_t>(std::ranges::count(rest, '\0')));
  while (!rest.empty()) {
    const auto assignment = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(assignment.size() + 1);
    const auto equals = assignment.find('=');
    // The message does not quote an entry without a name, because the whole entry may be a value.
    if (equals == std::string_view::npos || equals == 0) {
      return fail(ErrorCode::invalid, fmt::format("entry {} has no name", entries.size() + 1));
    }
    const auto key = assignment.substr(0, equals);
    if (auto fault = fault_of({.key = key, .value = assignment.substr(equals + 1)})) {
      return fail(ErrorCode::invalid, std::move(*fault));
    }
    if (!entries.empty() && !(entries.back().key < key)) {
      return fail(ErrorCode::invalid,
                  fmt::format("key '{}' is given twice or out of order", shortened(key)));
    }
    entries.push_back({.key = key, .assignment = assignment});
  }
  return entries;
}

}  // namespace agent_secrets
