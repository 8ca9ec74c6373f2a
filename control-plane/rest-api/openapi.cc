#include "control-plane/rest-api/openapi.h"

namespace agent_secrets::control_plane {

void add_openapi_route(Router& router) {
  router.add_open("GET", "/openapi.json",
                  [](const Request&) { return Response{.body = std::string(openapi_document())}; });
}

}  // namespace agent_secrets::control_plane
