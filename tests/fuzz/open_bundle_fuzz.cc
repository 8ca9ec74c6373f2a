// What a control plane could have sealed: the input is the padded plaintext in the box, so that
// lengths and padding are tried as no mutation of a ciphertext could. What opens is the input
// without a padding of the one right form.
// Parser: core/bundle.cc
#include "core/bundle.h"
#include "core/environment_block.h"
#include "core/limits.h"
#include "core/test_keys.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;

namespace {

VerifiedBundle sealed(std::string_view plain, const BoxKey& key) {
  VerifiedBundle bundle;
  bundle.sealed.resize(plain.size() + crypto_box_SEALBYTES);
  const int status =
      crypto_box_seal(bundle.sealed.data(), reinterpret_cast<const unsigned char*>(plain.data()),
                      plain.size(), key.public_key.data());
  AGENT_SECRETS_ASSERT(status == 0);
  return bundle;
}

// The same rule, spelled another way.
bool is_well_padded(std::string_view plain, std::size_t size) {
  return !plain.empty() && plain.size() % limits::kSealedPadding == 0 &&
         plain.size() - size <= limits::kSealedPadding && plain[size] == '\x80' &&
         plain.find_first_not_of('\0', size + 1) == std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto plain = fuzz::text(data, size);
  static const AgentCredential credential = test::agent_credential();
  const auto block = open_bundle(sealed(plain, credential.box_key), credential.box_key);
  if (!block) {
    AGENT_SECRETS_ASSERT(block.error().code == ErrorCode::untrusted);
    const std::size_t mark = plain.find_last_not_of('\0');
    AGENT_SECRETS_ASSERT(mark == std::string_view::npos || !is_well_padded(plain, mark));
    return 0;
  }
  AGENT_SECRETS_ASSERT(plain.starts_with(block->expose_text()));
  AGENT_SECRETS_ASSERT(is_well_padded(plain, block->size()));
  (void)parse_environment_block(*block);
  return 0;
}
