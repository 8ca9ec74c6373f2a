#include "control-plane/web/page.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kIndex = "index.html";

constexpr const char* kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

std::string_view content_type(std::string_view path) {
  if (path.ends_with(".html")) return "text/html; charset=utf-8";
  if (path.ends_with(".css")) return "text/css; charset=utf-8";
  if (path.ends_with(".svg")) return "image/svg+xml";
  return path.ends_with(".js") ? "text/javascript; charset=utf-8" : "text/plain; charset=utf-8";
}

// "gzip;q=0" refuses it (RFC 9110 section 12.5.3).
bool accepts_gzip(const Request& request) {
  const std::string_view accepted = request.header("accept-encoding");
  return accepted.contains("gzip") && !accepted.contains("gzip;q=0");
}

Response answer(const Request& request, const PageFile& file) {
  const bool is_gzip = accepts_gzip(request);
  const std::string tag = fmt::format("\"{}{}\"", file.tag, is_gzip ? "-gzip" : "");
  Response response{.content_type = std::string(content_type(file.path)),
                    .headers = {{"ETag", tag},
                                {"Cache-Control", "no-cache"},
                                {"Vary", "Accept-Encoding"},
                                {"Content-Security-Policy", kContentSecurityPolicy},
                                {"Cross-Origin-Opener-Policy", "same-origin"},
                                {"Cross-Origin-Resource-Policy", "same-origin"},
                                {"Referrer-Policy", "no-referrer"},
                                {"X-Frame-Options", "DENY"}}};
  if (request.header("if-none-match").contains(tag)) {
    response.status = 304;
    return response;
  }
  response.body = is_gzip ? file.gzip : file.plain;
  if (is_gzip) response.headers.emplace_back("Content-Encoding", "gzip");
  return response;
}

Response find(const Router& router, const Request& request, std::string_view path) {
  const auto files = page_files();
  const auto* const file = std::to_address(std::ranges::find(files, path, &PageFile::path));
  return file == std::to_address(files.end()) ? router.refuse(request, 404)
                                              : answer(request, *file);
}

}  // namespace

void add_page_routes(Router& router) {
  router.add_open("GET", "/",
                  [&router](const Request& request) { return find(router, request, kIndex); });
  router.add_open("GET", "/web/{path...}", [&router](const Request& request) {
    const std::span segments = std::span(request.segments).subspan(1);
    return find(router, request, fmt::format("{}", fmt::join(segments, "/")));
  });
}

}  // namespace agent_secrets::control_plane
