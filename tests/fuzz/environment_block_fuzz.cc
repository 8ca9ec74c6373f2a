// The plaintext of a bundle. What parses must build again to the same bytes when its keys are in
// order.
#include <algorithm>

#include <sodium.h>

#include "core/environment_block.h"

using namespace agent_secrets;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  [[maybe_unused]] static const int initialised = sodium_init();
  const auto block = SecretBuffer::copy_of(std::span(data, size));
  const auto entries = parse_environment_block(block);
  if (!entries) return 0;
  std::vector<EnvironmentPair> pairs;
  for (const auto& entry : *entries) {
    pairs.push_back({entry.key, entry.assignment.substr(entry.key.size() + 1)});
  }
  const bool sorted = std::ranges::is_sorted(pairs, {}, &EnvironmentPair::key);
  const auto rebuilt = build_environment_block(pairs);
  if (!rebuilt || (sorted && !rebuilt->same_content(block))) __builtin_trap();
  return 0;
}
