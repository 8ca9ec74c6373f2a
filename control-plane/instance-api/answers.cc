#include "control-plane/instance-api/answers.h"

#include <boost/json.hpp>

namespace agent_secrets::control_plane {

Response refuse(int status, std::string_view code, std::string_view sentence) {
  boost::json::object body;
  body["error"] = boost::json::string_view(sentence.data(), sentence.size());
  body["code"] = boost::json::string_view(code.data(), code.size());
  return Response{.status = status,
                  .body = boost::json::serialize(body),
                  .headers = {{"Cache-Control", "no-store"}}};
}

Response unavailable() {
  Response response =
      refuse(503, "unavailable", "this region cannot read its store right now; try again");
  response.headers.emplace_back("Retry-After", "2");
  return response;
}

}  // namespace agent_secrets::control_plane
