#include "control-plane/http/router.h"

#include <stdexcept>

#include "control-plane/http/target.h"
#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

Router make_router() {
  Router router([](const Request&, int status) { return Response{.status = status}; });
  router.add_open("GET", "/orgs/{org}/sets/{set}", [](const Request& request) {
    return Response{.body = request.params.at("org") + "|" + request.params.at("set")};
  });
  router.add_open("DELETE", "/orgs/{org}/sets/{set}", [](const Request&) { return Response{}; });
  router.add_open("PATCH", "/proxy/{id}/{path...}",
                  [](const Request& request) { return Response{.body = request.params.at("id")}; });
  router.add_open("GET", "/fails",
                  [](const Request&) -> Response { throw std::runtime_error("value in here"); });
  return router;
}

Response answer(std::string_view method, std::string_view target) {
  Request request;
  request.method = method;
  REQUIRE(parse_target(target, request));
  return std::get<Response>(make_router().dispatch(request).outcome);
}

TEST_CASE("a parameter takes one decoded segment") {
  CHECK(answer("GET", "/orgs/acme/sets/a%2Fb").body == "acme|a/b");
  CHECK(answer("GET", "/orgs//sets/a").body == "|a");
}

TEST_CASE("an unknown path is 404, and so is one segment more or less") {
  CHECK(answer("GET", "/nope").status == 404);
  CHECK(answer("GET", "/orgs/acme/sets").status == 404);
  CHECK(answer("GET", "/orgs/acme/sets/a/b").status == 404);
  CHECK(answer("GET", "/orgs/acme/sets/a/").status == 404);
  CHECK(answer("GET", "/").status == 404);
}

TEST_CASE("a last parameter with dots takes one segment or more") {
  CHECK(answer("PATCH", "/proxy/a/b").body == "a");
  CHECK(answer("PATCH", "/proxy/a/b/c/d").body == "a");
  CHECK(answer("PATCH", "/proxy/a/").body == "a");
  CHECK(answer("PATCH", "/proxy/a").status == 404);
  CHECK(answer("PATCH", "/proxies/a/b/c").status == 404);
}

TEST_CASE("a wrong method is 405 and names the right ones") {
  const Response response = answer("PUT", "/orgs/acme/sets/a");
  CHECK(response.status == 405);
  REQUIRE(response.headers.size() == 1);
  CHECK(response.headers[0] == std::pair<std::string, std::string>("Allow", "DELETE, GET, HEAD"));
}

TEST_CASE("HEAD is routed as GET") { CHECK(answer("HEAD", "/orgs/acme/sets/a").status == 200); }

TEST_CASE("an exception of a handler is a 500 without its text") {
  const Response response = answer("GET", "/fails");
  CHECK(response.status == 500);
  CHECK(response.body.empty());
}

TEST_CASE("the route's name holds no name of the request") {
  Request request;
  request.method = "GET";
  REQUIRE(parse_target("/orgs/acme/sets/a?x=1", request));
  const Router router = make_router();
  CHECK(router.pattern_of(router.route_of(request)) == "GET /orgs/{org}/sets/{set}");
  REQUIRE(parse_target("/elsewhere", request));
  CHECK(router.pattern_of(router.route_of(request)).empty());
}

TEST_CASE("the first step alone says whose request it is, and answers nothing yet") {
  Router router([](const Request&, int status) { return Response{.status = status}; });
  int answered = 0;
  router.add("PUT", "/sets/{set}", [&answered](const Request& request) -> Admission {
    if (request.header("authorization").empty()) return Response{.status = 401};
    return Admitted{.account = "a", .handle = [&answered](const Request& whole) -> Outcome {
                      ++answered;
                      return Response{.body = std::string(whole.body)};
                    }};
  });
  Request request;
  request.method = "PUT";
  REQUIRE(parse_target("/sets/x", request));
  CHECK(std::get<Response>(router.admit(request)).status == 401);
  CHECK(router.dispatch(request).account.empty());
  request.headers["authorization"] = "Bearer x";
  CHECK(std::get<Admitted>(router.admit(request)).account == "a");
  CHECK(answered == 0);
  request.body = "body";
  const Dispatched done = router.dispatch(request);
  CHECK(done.account == "a");
  CHECK(std::get<Response>(done.outcome).body == "body");
}

}  // namespace
}  // namespace agent_secrets::control_plane
