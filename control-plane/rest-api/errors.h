#pragma once
// Answers of the REST API. Two families of paths share the handlers and differ in the `code` of an
// error: below /v1/organizations it is the status as a string (the official CLI compares it with
// "401" and "400"), elsewhere a name. Every error has a non-empty {error, code}: without them the
// CLI reports success. The CLI renders the text as markup and crashes at an unmatched "[/word]", so
// square brackets are replaced here.

#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "control-plane/http/message.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

Response error_response(const Request& request, int status, std::string_view text);
// The body of that answer, for an answer that says more.
boost::json::object error_body(const Request& request, int status, std::string_view text);
// With a special code, such as "PCC-1002".
Response coded_error_response(int status, std::string_view text, std::string_view code);
// An Error with a text for the client (invalid, not_found, …) is answered with this text. Any other
// Error is logged, and answered with a fixed text: 507 on a full disk, 503 with Retry-After while
// the database cannot be reached, otherwise 500.
Response error_response(const Request& request, const Error& error, const Log& log);
// The router's answer if no handler answers: 400, 404, 405, 408, 413, 429, 431, 500, 503.
Response fallback_response(const Request& request, int status);

Response json_response(const boost::json::value& body, int status = 200);

}  // namespace agent_secrets::control_plane
