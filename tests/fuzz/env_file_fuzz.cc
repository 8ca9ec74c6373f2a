// A file that was edited by hand, read as the official CLI reads it and as python-dotenv does. What
// is read can be written again, and becomes an environment block or an error that names a key.
// Parser: injector/cli_env_file.cc injector/dotenv_parser.cc injector/env_expansion.cc
#include <map>
#include <string>

#include <fmt/format.h>
#include <simdjson.h>

#include "core/limits.h"
#include "injector/cli_env_file.h"
#include "injector/dotenv_parser.h"
#include "injector/env_expansion.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;

namespace {

using Pairs = std::vector<EnvironmentPair>;

bool same(const Pairs& left, const Pairs& right) {
  return std::ranges::equal(left, right, [](const auto& a, const auto& b) {
    return a.key == b.key && a.value == b.value;
  });
}

void check_round_trip(const Pairs& pairs) {
  std::string text;
  for (const auto& pair : pairs) {
    AGENT_SECRETS_ASSERT(!pair.key.empty() && !pair.value.empty());
    AGENT_SECRETS_ASSERT(pair.key.find('=') == std::string_view::npos);
    AGENT_SECRETS_ASSERT(!pair.key.starts_with('#'));
    AGENT_SECRETS_ASSERT(pair.value.find_first_of("\r\n") == std::string_view::npos);
    text += fmt::format("\t{} = \"{}\"\r", pair.key, pair.value);
  }
  const auto again = parse_cli_env_file(text, "again");
  AGENT_SECRETS_ASSERT(again && same(*again, pairs));
}

void check_block(const Pairs& pairs) {
  std::map<std::string_view, std::string_view> merged;
  for (const auto& pair : pairs) merged[pair.key] = pair.value;
  Pairs unique;
  for (const auto& [key, value] : merged) unique.push_back({.key = key, .value = value});
  const auto block = build_environment_block(unique);
  if (!block) return AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(block.error()));
  const auto entries = parse_environment_block(*block);
  AGENT_SECRETS_ASSERT(entries && entries->size() == unique.size());
}

// In double quotes, with the escapes for what would end them, any value is read back.
void check_dotenv(std::string_view input) {
  SecretBuffer text = SecretBuffer::copy_of(input);
  Pairs pairs;
  std::string again;
  int line = 0;
  for (const DotenvBinding& binding : parse_dotenv(text)) {
    AGENT_SECRETS_ASSERT(binding.line >= line);
    line = binding.line;
    if (binding.key.empty() || !binding.value) continue;
    AGENT_SECRETS_ASSERT(binding.value->find('\r') == std::string_view::npos ||
                         binding.quote == '"');
    pairs.push_back({.key = binding.key, .value = *binding.value});
    again += fmt::format("export '{}' = \"", binding.key);
    for (const char c : *binding.value) {
      if (c == '\r') again += "\\r";
      if (c == '"' || c == '\\') again += '\\';
      if (c != '\r') again += c;
    }
    again += "\" # note\n";
  }
  if (std::ranges::any_of(pairs, [](const auto& pair) { return pair.key.contains('\''); })) return;
  SecretBuffer written = SecretBuffer::copy_of(again);
  const auto bindings = parse_dotenv(written);
  AGENT_SECRETS_ASSERT(bindings.size() == pairs.size());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    AGENT_SECRETS_ASSERT(bindings[i].key == pairs[i].key && bindings[i].value == pairs[i].value);
  }
  check_block(pairs);
}

// Looking up nothing leaves no variable that is written in full.
void check_expansion(std::string_view input) {
  const auto expanded =
      expand_variables(input, [](std::string_view) { return std::optional<std::string_view>(""); });
  if (!expanded) return AGENT_SECRETS_ASSERT(input.size() > limits::kEnvironmentString);
  AGENT_SECRETS_ASSERT(expanded->size() <= input.size());
  AGENT_SECRETS_ASSERT(has_variables(input) == (expanded->size() < input.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text(data, size);
  check_expansion(input);
  if (simdjson::validate_utf8(input.data(), input.size())) check_dotenv(input);
  const auto pairs = parse_cli_env_file(input, ".env");
  if (!pairs) {
    AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(pairs.error()));
    return 0;
  }
  AGENT_SECRETS_ASSERT(same(readable_cli_pairs(input), *pairs));
  check_round_trip(*pairs);
  check_block(*pairs);
  return 0;
}
