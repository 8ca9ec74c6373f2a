#include "injector/env_file.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>
#include <simdjson.h>

#include "core/limits.h"
#include "injector/file.h"

namespace agent_secrets {
namespace {

// What str.isspace() of Python calls white space, in UTF-8.
constexpr auto kWhiteSpace = std::to_array<std::string_view>({" ",
                                                              "\t",
                                                              "\n",
                                                              "\v",
                                                              "\f",
                                                              "\r",
                                                              "\x1c",
                                                              "\x1d",
                                                              "\x1e",
                                                              "\x1f",
                                                              "\xc2\x85",
                                                              "\xc2\xa0",
                                                              "\xe1\x9a\x80",
                                                              "\xe2\x80\x80",
                                                              "\xe2\x80\x81",
                                                              "\xe2\x80\x82",
                                                              "\xe2\x80\x83",
                                                              "\xe2\x80\x84",
                                                              "\xe2\x80\x85",
                                                              "\xe2\x80\x86",
                                                              "\xe2\x80\x87",
                                                              "\xe2\x80\x88",
                                                              "\xe2\x80\x89",
                                                              "\xe2\x80\x8a",
                                                              "\xe2\x80\xa8",
                                                              "\xe2\x80\xa9",
                                                              "\xe2\x80\xaf",
                                                              "\xe2\x81\x9f",
                                                              "\xe3\x80\x80"});

std::size_t leading_space(std::string_view text) {
  for (const std::string_view space : kWhiteSpace) {
    if (text.starts_with(space)) return space.size();
  }
  return 0;
}

std::size_t trailing_space(std::string_view text) {
  for (const std::string_view space : kWhiteSpace) {
    if (text.ends_with(space)) return space.size();
  }
  return 0;
}

std::string_view stripped(std::string_view text) {
  while (const std::size_t size = leading_space(text)) text.remove_prefix(size);
  while (const std::size_t size = trailing_space(text)) text.remove_suffix(size);
  return text;
}

std::string_view unquoted(std::string_view value) {
  if (value == "\"") return {};
  if (!value.starts_with('"') || !value.ends_with('"')) return value;
  return value.substr(1, value.size() - 2);
}

// Universal newlines: "\n", "\r\n" and "\r" each end a line. The text keeps the rest.
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

// A key that is wrong is not quoted: where the line is broken, it may be a part of a value.
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
  const EnvironmentPair pair{.key = stripped(line.substr(0, equals)),
                             .value = unquoted(stripped(line.substr(equals + 1)))};
  if (auto checked = check_key(pair.key); !checked) return propagate(checked);
  if (pair.value.empty()) return fail(ErrorCode::invalid, "the value is empty", kLineHint);
  return pair;
}

}  // namespace

Result<std::vector<EnvironmentPair>> parse_env_file(std::string_view text, std::string_view path) {
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    return fail(ErrorCode::invalid, fmt::format("{}: not valid UTF-8", path), "save it as UTF-8");
  }
  std::vector<EnvironmentPair> pairs;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = stripped(take_line(text));
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

Result<SecretBuffer> read_env_files(const std::vector<std::string>& paths) {
  std::vector<SecretBuffer> texts;  // what the pairs point into
  std::map<std::string_view, std::string_view> merged;
  for (const std::string& path : paths) {
    auto file = read_file(path, limits::kRequestBody);
    if (!file) {
      file.error().hint = "name a file that is there and that this user can read";
      return propagate(file, "env file");
    }
    auto pairs = parse_env_file(file->text.expose_text(), path);
    if (!pairs) return propagate(pairs, "env file");
    for (const EnvironmentPair& pair : *pairs) merged[pair.key] = pair.value;
    texts.push_back(std::move(file->text));
  }
  std::vector<EnvironmentPair> pairs;
  pairs.reserve(merged.size());
  for (const auto& [key, value] : merged) pairs.push_back({.key = key, .value = value});
  auto block = build_environment_block(std::move(pairs));
  if (!block) {
    block.error().hint = "an environment variable cannot hold that: shorten it, or take it out";
    return propagate(block, "env file");
  }
  return block;
}

}  // namespace agent_secrets
