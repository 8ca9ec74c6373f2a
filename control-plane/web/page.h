#pragma once
// The web page: GET / and GET /web/…, without a token. The page is static files, compiled in
// (web/ of the repository, cmake/embed_page.cmake). It uses the public REST API alone, so it can do
// nothing that the visitor's token cannot do, and a file of it has nothing to hide.
//
// Every answer has the headers that keep a foreign page away: a Content-Security-Policy under which
// no script, style or connection of another origin works, no inline script, no markup made from
// text (trusted types), and no frame. Browsers keep a file, and ask each time whether it changed
// (ETag); answers of the REST API are never kept.
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
