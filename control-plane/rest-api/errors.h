#pragma once
// Answers of the REST API. Two families of paths share the handlers and differ in the `code` of an
// error: below /v1/organizations it is the status as a string (the official CLI compares it with
// "401" and "400"), elsewhere a name. Every error has a non-empty {error, code}:
// anything less reads as success. The CLI renders the text as markup, and an
// unmatched "[/word]" crashes it, so square brackets never leave here.

#include <string_view>

#include <boost/json/value.hpp>

#include "control-plane/http/message.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

Response error_response(const Request& request, int status, std::string_view text);
// With a code of its own, such as "PCC-1002".
Response coded_error_response(int status, std::string_view text, std::string_view code);
// An Error whose text is for the client (invalid, not_found, …); any other is logged, and answered
// with a 500 or, on a full disk, a 507, whose text does not depend on it.
Response error_response(const Request& request, const Error& error, const Log& log);
// What the router answers where no handler does: 400, 404, 405, 408, 413, 429, 431, 500, 503.
Response fallback_response(const Request& request, int status);

Response json_response(const boost::json::value& body, int status = 200);

}  // namespace agent_secrets::control_plane
