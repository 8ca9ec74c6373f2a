#pragma once
// The web page: GET / and GET /web/…, without a token. The page is static files, compiled in
// (web/ of the repository, cmake/embed_page.cmake). The page uses only the public REST API, so it
// can do only what the visitor's token can do, and its files contain no secrets.
//
// Every answer has a Content-Security-Policy. It forbids scripts, styles and connections of other
// origins, inline scripts, markup that is made from text (trusted types), and showing the page in a
// frame. Browsers cache a file and revalidate it before each use (ETag). Answers of the REST API
// are never cached.
//
// Threads: the files are constant; the routes are safe from several.
// Source: https://www.w3.org/TR/CSP3/, https://www.w3.org/TR/trusted-types/

#include <span>
#include <string_view>

#include "control-plane/http/router.h"

namespace agent_secrets::control_plane {

struct PageFile {
  std::string_view path;  // below web/: "views/sets.js"
  std::string_view tag;   // of the content, without quotes
  std::string_view plain;
  std::string_view gzip;
};

// Generated at build time.
std::span<const PageFile> page_files();

// The router must outlive the routes.
void add_page_routes(Router& router);

}  // namespace agent_secrets::control_plane
