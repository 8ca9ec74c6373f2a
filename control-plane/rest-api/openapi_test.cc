#include "control-plane/rest-api/openapi.h"

#include <set>
#include <string>

#include <boost/json/parse.hpp>

#include "control-plane/instance-api/routes.h"
#include "control-plane/rest-api/test_api.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

// "GET /v1/secrets/{set}" of each operation in the document.
std::set<std::string> operations() {
  const json::value document = json::parse({openapi_document().data(), openapi_document().size()});
  std::set<std::string> found;
  for (const auto& path : document.at("paths").as_object()) {
    for (const auto& operation : path.value().as_object()) {
      std::string method(operation.key());
      for (char& c : method) c = static_cast<char>(c - 'a' + 'A');
      found.insert(method + " " + std::string(path.key()));
    }
  }
  return found;
}

// A pattern's "{path...}" is "{path}" in a document.
std::set<std::string> routes(const Router& router) {
  std::set<std::string> found;
  for (std::string route : router.routes()) {
    if (const auto dots = route.find("...}"); dots != std::string::npos) route.erase(dots, 3);
    found.insert(std::move(route));
  }
  return found;
}

}  // namespace

TEST_CASE("every route has an operation in the document, and every operation a route") {
  RestFixture api;
  const auto documented = operations();
  const auto served = routes(api.router());
  for (const std::string& route : served) {
    INFO("a route without an operation: " << route);
    CHECK(documented.contains(route));
  }
  for (const std::string& operation : documented) {
    if (operation.find(" /instance/") != std::string::npos) continue;  // these are checked below
    INFO("an operation without a route: " << operation);
    CHECK(served.contains(operation));
  }
}

TEST_CASE("the instance API is in the document") {
  Router router(fallback_response);
  FakeClock clock;
  const Log log{"test", LogLevel::error, LogFormat::json};
  InstanceApi instances([] { return ListedRegions(); }, {"http://127.0.0.1:1"}, clock, log);
  add_instance_routes(router, instances);
  std::set<std::string> documented;
  for (const std::string& operation : operations()) {
    if (operation.find(" /instance/") != std::string::npos) documented.insert(operation);
  }
  CHECK(documented == routes(router));
}

TEST_CASE("the document is served to whoever asks") {
  RestFixture api;
  const Answer answer = api.ask("GET", "/openapi.json", "", "");
  CHECK(answer.status == 200);
  CHECK(answer.body.at("openapi") == "3.1.0");
}

}  // namespace agent_secrets::control_plane
