#include "injector/cli_env_file.h"

#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

#include "core/limits.h"
#include "injector/python_space.h"

namespace agent_secrets {
namespace {

std::string_view unquoted(std::string_view value) {
  if (value == "\"") return {};
  if (!value.starts_with('"') || !value.ends_with('"')) return value;
  return value.substr(1, value.size() - 2);
}

// Universal newlines: "\n", "\r\n" and "\r" each end a line. Removes the line from `text`.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find_first_of("\r\n");
  const std::string_view line = text.substr(0, end);
  if (end == std::string_view::npos) {
    text = {};
  } else {
    text.remove_prefix(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  return line;
}

constexpr const char* kLineHint = "write KEY=value, one a line; there are no continued lines";

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// The error does not quote an invalid key: in a damaged line it may be a part of a value.
Result<void> check_key(std::string_view key) {
  if (key.empty()) return fail(ErrorCode::invalid, "the key is empty", kLineHint);
  if (key.size() > limits::kKeyNameMax) {
    return fail(ErrorCode::invalid,
                fmt::format("the key has more than {} characters", limits::kKeyNameMax), kLineHint);
  }
  if (std::ranges::all_of(key, is_key_character)) return {};
  std::string hint = "use letters, digits, '_' and '-' in a key";
  if (key.starts_with("export ")) hint = "leave `export` out";
  if (key.starts_with("\xef\xbb\xbf")) hint = "save the file without a byte order mark";
  return fail(ErrorCode::invalid, "no valid key in front of the '='", std::move(hint));
}

Result<EnvironmentPair> parse_line(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) {
    return fail(ErrorCode::invalid, "no '=' in the line", kLineHint);
  }
  const EnvironmentPair pair{.key = without_space(line.substr(0, equals)),
                             .value = unquoted(without_space(line.substr(equals + 1)))};
  if (auto checked = check_key(pair.key); !checked) return propagate(checked);
  if (pair.value.empty()) return fail(ErrorCode::invalid, "the value is empty", kLineHint);
  if (pair.value.contains('\0')) {
    return fail(ErrorCode::invalid, "the value has a NUL", "take it out: no variable can hold one");
  }
  return pair;
}

}  // namespace

Result<std::vector<EnvironmentPair>> parse_cli_env_file(std::string_view text,
                                                        std::string_view path) {
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    return fail(ErrorCode::invalid, fmt::format("{}: not valid UTF-8", path), "save it as UTF-8");
  }
  std::vector<EnvironmentPair> pairs;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = without_space(take_line(text));
    if (line.empty() || line.starts_with('#')) continue;
    auto pair = parse_line(line);
    if (!pair) return propagate(pair, fmt::format("{}:{}", path, number));
    pairs.push_back(*pair);
  }
  if (pairs.empty()) {
    return fail(ErrorCode::invalid, fmt::format("{}: no KEY=value in it", path), kLineHint);
  }
  return pairs;
}

std::vector<EnvironmentPair> readable_cli_pairs(std::string_view text) {
  std::vector<EnvironmentPair> pairs;
  while (!text.empty()) {
    const std::string_view line = without_space(take_line(text));
    if (line.empty() || line.starts_with('#')) continue;
    if (const auto pair = parse_line(line)) pairs.push_back(*pair);
  }
  return pairs;
}

}  // namespace agent_secrets
