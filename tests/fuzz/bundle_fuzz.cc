// The payload of a bundle: what a control plane that has gone wrong could sign. What is accepted is
// this credential's, within the bounds, and its facts survive being made into a bundle again.
// Parser: core/bundle.cc
#include <array>

#include "core/bundle.h"
#include "core/limits.h"
#include "core/test_bundle.h"
#include "core/test_keys.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;

namespace {

void check_facts(const BundleFacts& facts, const AgentCredential& credential) {
  AGENT_SECRETS_ASSERT(facts.organization == credential.identity.organization);
  AGENT_SECRETS_ASSERT(facts.agent == credential.identity.agent);
  AGENT_SECRETS_ASSERT(facts.recipient == credential.identity.kid);
  AGENT_SECRETS_ASSERT(facts.sequence >= 0 && facts.issued_at.count() >= 0);
  AGENT_SECRETS_ASSERT(facts.sets.size() <= limits::kBundleSets);

  const auto again = make_bundle(facts, SecretBuffer(), credential.box_key.public_key, "region-1",
                                 test::region_key());
  AGENT_SECRETS_ASSERT(again.has_value());
  const auto verified = verify_bundle(*again, credential.identity);
  AGENT_SECRETS_ASSERT(verified.has_value());
  AGENT_SECRETS_ASSERT(verified->facts.sets == facts.sets && verified->facts.nonce == facts.nonce);
  AGENT_SECRETS_ASSERT(verified->facts.sequence == facts.sequence);
  AGENT_SECRETS_ASSERT(verified->facts.issued_at == facts.issued_at);
  AGENT_SECRETS_ASSERT(open_bundle(*verified, credential.box_key)->empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto payload = fuzz::text(data, size);
  static const AgentCredential credential = test::agent_credential();
  const auto bundle = verify_bundle(sign_jws("region-1", kBundleType, payload, test::region_key()),
                                    credential.identity);
  if (!bundle) {
    AGENT_SECRETS_ASSERT(bundle.error().code == ErrorCode::untrusted);
    AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(bundle.error()));
    return 0;
  }
  check_facts(bundle->facts, credential);
  const auto opened = open_bundle(*bundle, credential.box_key);
  if (!opened) AGENT_SECRETS_ASSERT(opened.error().code == ErrorCode::untrusted);
  return 0;
}
