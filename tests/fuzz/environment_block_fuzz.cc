// The plaintext of a bundle. What is accepted has a name and no NUL in every entry, and builds
// again to the same bytes: the block has one spelling.
// Parser: core/environment_block.cc
#include "core/environment_block.h"
#include "core/limits.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto block = SecretBuffer::copy_of(fuzz::text(data, size));
  const auto entries = parse_environment_block(block);
  if (!entries) {
    AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(entries.error()));
    return 0;
  }
  std::vector<EnvironmentPair> pairs;
  for (const auto& entry : *entries) {
    AGENT_SECRETS_ASSERT(!entry.key.empty());
    AGENT_SECRETS_ASSERT(entry.assignment.find('\0') == std::string_view::npos);
    AGENT_SECRETS_ASSERT(entry.assignment.size() < limits::kBundle);
    pairs.push_back({entry.key, entry.assignment.substr(entry.key.size() + 1)});
  }
  const auto rebuilt = build_environment_block(pairs);
  AGENT_SECRETS_ASSERT(rebuilt && rebuilt->same_content(block));
  return 0;
}
