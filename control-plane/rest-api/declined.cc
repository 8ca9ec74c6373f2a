// What Pipecat Cloud offers and a self-hosted control plane does not, answered so that the official
// CLI says why (contract section 8): an empty list where it asks first, else 501 with a sentence. A
// 404 would read as success for `agent start` and `agent stop`.
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/rest_api.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

struct Declined {
  std::string_view method;
  std::string_view path;
  std::string_view sentence;
};

constexpr std::string_view kNoBuilds =
    "This control plane does not build images. Build and push one, then deploy it by name.";
constexpr std::string_view kNoSessions =
    "This control plane does not run agents. Their sessions are where you run their containers.";
constexpr std::string_view kNoLogs =
    "This control plane does not run agents. Their logs are where you run their containers.";
constexpr std::string_view kNoLogin =
    "This control plane has no login in the browser. Make a token with `secret-control-plane token "
    "create`, then enter it in `pipecat cloud auth use-pat`, or set PIPECAT_TOKEN.";

constexpr Declined kDeclined[] = {
    {"POST", "/builds", kNoBuilds},
    {"POST", "/builds/upload-url", kNoBuilds},
    {"GET", "/services/{name}/logs", kNoLogs},
    {"GET", "/agents/{name}/logs", kNoLogs},
};

// What the CLI tells the person who tries is fixed: "Failed to fetch auth configuration (404)" and
// "could not be confirmed" (contract 4.4).
constexpr std::pair<std::string_view, std::string_view> kLogin[] = {{"GET", "/auth/config"},
                                                                    {"POST", "/auth/logout"}};

Result<Response> list_builds(const RestApi&, const Request&, const Principal&) {
  return json_response(json::object{{"builds", json::array()}, {"total", 0}});
}

}  // namespace

void add_declined_routes(Router& router, const RestApi& api) {
  add_route(router, api, "GET", "/builds", list_builds);
  for (const Declined& declined : kDeclined) {
    add_route(router, api, declined.method, declined.path,
              [sentence = declined.sentence](const RestApi&, const Request& request,
                                             const Principal&) -> Result<Response> {
                return error_response(request, 501, sentence);
              });
  }
  // Asked without a token, or with another's: there is nothing to log in to, or out of.
  for (const auto& [method, path] : kLogin) {
    router.add(method, path,
               [](const Request& request) { return error_response(request, 404, kNoLogin); });
  }
}

}  // namespace agent_secrets::control_plane
