#pragma once
// GET /instance/v1/bundle: the values for an agent's bot, sealed to the credential that signed the
// request.
//
//   200 application/jose   the bundle (core/bundle.h); never cached, never conditional
//   403 revoked · 404 deleted · 409 no-deployment, version-gone, not-sealable · 503 unavailable
//
// The plaintext exists only in SecretBuffers, from the region store's decryption to the seal, and
// only for the length of one call. A sealed block that was made from the same rows is used again
// (instance-api/sealed_blocks.h): then no value is decrypted.
//
// Threads: safe from several.

#include <cstdint>

#include "control-plane/http/message.h"
#include "control-plane/instance-api/authenticate.h"
#include "control-plane/instance-api/sealed_blocks.h"
#include "core/clock.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

struct BundleAnswer {
  Response response;
  std::int64_t sequence = 0;  // of the bundle; 0 for a refusal
};

// `caller` must come from Authenticator::authenticate_for_bundle(), which reads the parts of its
// bundle.
BundleAnswer answer_bundle(const Caller& caller, SealedBlocks& blocks, const Clock& clock,
                           const Log& log);

}  // namespace agent_secrets::control_plane
