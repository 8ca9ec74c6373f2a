#pragma once
// The OpenAPI document of all that the server answers, both families of paths and our extensions:
// openapi.json of this folder, compiled in, and served to whoever asks. openapi_test.cc holds it to
// the routes, both ways; script/conformance holds the answers to it.

#include <string_view>

#include "control-plane/http/router.h"

namespace agent_secrets::control_plane {

std::string_view openapi_document();

// GET /openapi.json, without a token.
void add_openapi_route(Router& router);

}  // namespace agent_secrets::control_plane
