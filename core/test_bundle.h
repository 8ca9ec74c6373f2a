#pragma once
// A whole bundle in one step, for tests. A server keeps the sealed block and signs it anew for each
// request.

#include <string>
#include <string_view>

#include "core/bundle.h"

namespace agent_secrets {

inline Result<std::string> make_bundle(const BundleFacts& facts, const SecretBuffer& environment,
                                       const BoxPublicKey& recipient_key,
                                       std::string_view region_kid, const SigningKey& region_key) {
  auto sealed = seal_environment(environment, recipient_key);
  if (!sealed) return propagate(sealed);
  return sign_bundle(facts, *sealed, region_kid, region_key);
}

}  // namespace agent_secrets
