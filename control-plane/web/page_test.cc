#include "control-plane/web/page.h"

#include <algorithm>
#include <string>

#include "control-plane/http/target.h"
#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

class Page {
 public:
  Page() { add_page_routes(router_); }
  Response get(const std::string& path, std::map<std::string, std::string> headers = {}) {
    Request request;
    request.method = "GET";
    REQUIRE(parse_target(path, request));
    request.headers = std::move(headers);
    return std::get<Response>(router_.dispatch(request).outcome);
  }

 private:
  Router router_{[](const Request&, int status) { return Response{.status = status}; }};
};

std::string header(const Response& response, std::string_view name) {
  const auto found =
      std::ranges::find(response.headers, name, &std::pair<std::string, std::string>::first);
  return found == response.headers.end() ? "" : found->second;
}

}  // namespace

TEST_CASE("the page is there without a token, and its policy allows nothing foreign or inline") {
  Page page;
  const Response index = page.get("/");
  CHECK(index.status == 200);
  CHECK(index.content_type == "text/html; charset=utf-8");
  CHECK(index.body.starts_with("<!doctype html>"));
  const std::string policy = header(index, "Content-Security-Policy");
  for (const char* rule : {"default-src 'none'", "script-src 'self';", "style-src 'self';",
                           "frame-ancestors 'none'", "require-trusted-types-for 'script'"}) {
    INFO(rule);
    CHECK(policy.contains(rule));
  }
  CHECK_FALSE(policy.contains("unsafe"));
  CHECK(header(index, "Cross-Origin-Opener-Policy") == "same-origin");
  CHECK(header(index, "X-Frame-Options") == "DENY");
}

TEST_CASE("every file of the page is served with its type, and no other file is") {
  Page page;
  for (const PageFile& file : page_files()) {
    INFO(file.path);
    const Response answer = page.get("/web/" + std::string(file.path));
    CHECK(answer.status == 200);
    CHECK(answer.body == file.plain);
    CHECK_FALSE(answer.content_type.empty());
  }
  for (const char* path : {"/web/none.js", "/web/vendor", "/web/index.html/x", "/index.html"}) {
    INFO(path);
    CHECK(page.get(path).status == 404);
  }
}

TEST_CASE("the page names every module in its head, so that a browser asks for all at once") {
  Page page;
  const std::string index = page.get("/").body;
  for (const PageFile& file : page_files()) {
    INFO(file.path);
    if (file.path.ends_with(".js")) CHECK(index.contains("\"/web/" + std::string(file.path) + '"'));
  }
}

TEST_CASE("a browser that has a file gets no body, and one that takes gzip gets gzip") {
  Page page;
  const Response plain = page.get("/");
  CHECK(header(plain, "Cache-Control") == "no-cache");
  CHECK(page.get("/", {{"if-none-match", header(plain, "ETag")}}).status == 304);
  CHECK(page.get("/", {{"if-none-match", "\"other\""}}).status == 200);

  const Response small = page.get("/", {{"accept-encoding", "br, gzip"}});
  CHECK(header(small, "Content-Encoding") == "gzip");
  CHECK(header(small, "ETag") != header(plain, "ETag"));
  CHECK(small.body.size() < plain.body.size());
  CHECK(small.body.starts_with("\x1f\x8b"));
  const Response refused = page.get("/", {{"accept-encoding", "gzip;q=0"}});
  CHECK(header(refused, "Content-Encoding").empty());
}

TEST_CASE("the whole page stays small, and has nothing inline and nothing foreign") {
  std::size_t compressed = 0;
  for (const PageFile& file : page_files()) {
    INFO(file.path);
    compressed += file.gzip.size();
    CHECK_FALSE(file.plain.contains(" style=\""));
    CHECK_FALSE(file.plain.contains(" onclick=\""));
    if (file.path.starts_with("vendor/")) continue;
    CHECK_FALSE(file.plain.contains("innerHTML"));
    CHECK_FALSE(file.plain.contains("https://"));
  }
  CHECK(compressed < 60'000);
}

}  // namespace agent_secrets::control_plane
