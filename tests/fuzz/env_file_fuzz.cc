// A file that somebody edits by hand. What is read can be written again, and becomes an environment
// block or an error that names a key.
// Parser: injector/env_file.cc
#include <map>
#include <string>

#include <fmt/format.h>

#include "injector/env_file.h"
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
  const auto again = parse_env_file(text, "again");
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto pairs = parse_env_file(fuzz::text(data, size), ".env");
  if (!pairs) {
    AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(pairs.error()));
    return 0;
  }
  check_round_trip(*pairs);
  check_block(*pairs);
  return 0;
}
