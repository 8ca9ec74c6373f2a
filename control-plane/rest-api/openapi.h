#pragma once
// The OpenAPI document of all routes of the server: both families of paths and our extensions. It
// is openapi.json of this folder, compiled in, and served without a token. openapi_test.cc checks
// that document and routes agree in both directions; script/conformance checks the answers against
// it.

#include <string_view>

#include "control-plane/http/router.h"

namespace agent_secrets::control_plane {

std::string_view openapi_document();

// GET /openapi.json, without a token.
void add_openapi_route(Router& router);

}  // namespace agent_secrets::control_plane
