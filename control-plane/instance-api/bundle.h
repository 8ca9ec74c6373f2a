#pragma once
// GET /instance/v1/bundle: the values for an agent's bot, sealed to the credential that signed the
// request.
//
//   200 application/jose   the bundle (core/bundle.h); never cached, never conditional
//   403 revoked · 404 deleted · 409 no-deployment, version-gone, not-sealable · 503 unavailable
//
// The plaintext exists only in SecretBuffers, from the region store's decryption to the seal, and
// only for the length of one call.
//
// Threads: safe from several; no state.

#include <cstdint>

#include "control-plane/http/message.h"
#include "control-plane/instance-api/authenticate.h"
#include "core/clock.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

struct BundleAnswer {
  Response response;
  std::int64_t sequence = 0;  // of the bundle; 0 for a refusal
};

// `caller` must come from Authenticator::authenticate_for_bundle(), which reads the parts of its
// bundle.
BundleAnswer answer_bundle(const Caller& caller, const Clock& clock, const Log& log);

}  // namespace agent_secrets::control_plane
