// Routes of Pipecat Cloud that a self-hosted control plane does not offer. The answer is 501 with a
// sentence, which the official CLI shows; or an empty list if the CLI requests the list before
// another call. After a 404, `agent start` and `agent stop` would report success.
#include <string>
#include <string_view>
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
constexpr std::string_view kNoLogs =
    "This control plane does not run agents. Their logs are where you run their containers.";
constexpr std::string_view kNoLogin =
    "This control plane has no login in the browser. Make a token with `secret-control-plane token "
    "create`, then enter it in `pipecat cloud auth use-pat`, or set PIPECAT_TOKEN.";

constexpr std::string_view kNoReferences =
    "This control plane holds its sets itself, and cannot refer to one in a cluster. Use secrets "
    "set.";
constexpr std::string_view kNoRegionsOverTheApi =
    "Regions are added and listed on the control plane's own host, with secret-control-plane "
    "region.";
constexpr std::string_view kNoProfiles =
    "This control plane does not run agents and has no agent profiles. Sizes are set where you run "
    "their containers.";
constexpr std::string_view kNoRegistry =
    "This control plane has no image registry. Use keys of your own registry, as an image pull "
    "secret.";
constexpr std::string_view kNoSpendLimit =
    "This control plane bills nobody, so there is no spend limit.";
constexpr std::string_view kNoGitHub =
    "This control plane is not connected to GitHub and builds no images. Build and push one, then "
    "deploy it by name.";

// Declined in both families of paths.
constexpr Declined kDeclined[] = {
    {"POST", "/builds", kNoBuilds},
    {"GET", "/builds/{id}", kNoBuilds},
    {"GET", "/builds/{id}/logs", kNoBuilds},
    {"POST", "/builds/upload-url", kNoBuilds},
};

// The CLI's messages for these routes are fixed: "Failed to fetch auth configuration (404)" and
// "could not be confirmed".
constexpr std::pair<std::string_view, std::string_view> kLogin[] = {{"GET", "/auth/config"},
                                                                    {"POST", "/auth/logout"}};

// Requested by the CLI only, below /v1/organizations/{org}.
constexpr Declined kDeclinedForTheCli[] = {
    {"GET", "/services/{name}/logs", kNoLogs},
    {"POST", "/secrets/references", kNoReferences},
    {"POST", "/regions", kNoRegionsOverTheApi},
    {"GET", "/regions/{region}", kNoRegionsOverTheApi},
    {"DELETE", "/regions/{region}", kNoRegionsOverTheApi},
    {"POST", "/regions/{region}/enrollment-tokens", kNoRegionsOverTheApi},
    {"GET", "/agent-profiles", kNoProfiles},
    {"POST", "/agent-profiles", kNoProfiles},
    {"PATCH", "/agent-profiles/{name}", kNoProfiles},
    {"GET", "/registry-keys", kNoRegistry},
    {"POST", "/registry-keys", kNoRegistry},
    {"DELETE", "/registry-keys/{id}", kNoRegistry},
    {"GET", "/spend-limit", kNoSpendLimit},
    {"PUT", "/spend-limit", kNoSpendLimit},
    {"GET", "/github/install-url", kNoGitHub},
    {"GET", "/github/link-url", kNoGitHub},
    {"GET", "/github/installation", kNoGitHub},
    {"DELETE", "/github/installation", kNoGitHub},
    {"GET", "/github/repositories", kNoGitHub},
    {"GET", "/github/repositories/{owner}/{repo}/branches", kNoGitHub},
    {"POST", "/services/{name}/environments/production/git", kNoGitHub},
    {"DELETE", "/services/{name}/environments/production/git", kNoGitHub},
    {"POST", "/services/{name}/environments/production/git/deploy", kNoGitHub},
};

// Requested with a private key only, below /v1.
constexpr Declined kDeclinedForKeys[] = {
    {"GET", "/agents/{name}/logs", kNoLogs},
};

RestHandler decline(std::string_view sentence) {
  return [sentence](const RestApi&, const Request& request, const Principal&) -> Result<Response> {
    return error_response(request, 501, sentence);
  };
}

Result<Response> list_builds(const RestApi&, const Request&, const Principal&) {
  return json_response(json::object{{"builds", json::array()}, {"total", 0}});
}

}  // namespace

void add_declined_routes(Router& router, const RestApi& api) {
  add_route(router, api, "GET", "/builds", list_builds);
  for (const Declined& declined : kDeclined) {
    add_route(router, api, declined.method, declined.path, decline(declined.sentence));
  }
  for (const Declined& declined : kDeclinedForTheCli) {
    add_single_route(router, api, declined.method,
                     "/v1/organizations/{org}" + std::string(declined.path),
                     decline(declined.sentence));
  }
  for (const Declined& declined : kDeclinedForKeys) {
    add_single_route(router, api, declined.method, "/v1" + std::string(declined.path),
                     decline(declined.sentence));
  }
  // These requests have no token, or the token of another service: there is no login here.
  for (const auto& [method, path] : kLogin) {
    router.add_open(method, path,
                    [](const Request& request) { return error_response(request, 404, kNoLogin); });
  }
}

}  // namespace agent_secrets::control_plane
