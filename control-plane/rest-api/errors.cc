#include "control-plane/rest-api/errors.h"

#include <algorithm>
#include <string>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "control-plane/catalog/cli_text.h"

namespace agent_secrets::control_plane {
namespace {

// The names that Pipecat Cloud documents for paths of private keys; our other names follow their
// style.
std::string_view status_name(int status) {
  switch (status) {
    case 400:
      return "GENERIC_BAD_REQUEST";
    case 401:
      return "UNAUTHORIZED";
    case 403:
      return "FORBIDDEN";
    case 404:
      return "NOT_FOUND";
    case 405:
      return "METHOD_NOT_ALLOWED";
    case 408:
      return "REQUEST_TIMEOUT";
    case 409:
      return "CONFLICT";
    case 413:
      return "CONTENT_TOO_LARGE";
    case 429:
      return "TOO_MANY_REQUESTS";
    case 431:
      return "HEADER_TOO_LARGE";
    case 501:
      return "NOT_IMPLEMENTED";
    case 503:
      return "UNAVAILABLE";
    case 507:
      return "INSUFFICIENT_STORAGE";
    default:
      return "INTERNAL_SERVER_ERROR";
  }
}

bool has_named_codes(const Request& request) {
  static constexpr std::string_view kResources[] = {"agents", "secrets", "regions", "properties",
                                                    "builds"};
  return request.segments.size() >= 2 && request.segments[0] == "v1" &&
         std::ranges::find(kResources, request.segments[1]) != std::end(kResources);
}

std::string_view fallback_text(int status) {
  switch (status) {
    case 400:
      return "Malformed request";
    case 404:
      return "Not found";
    case 405:
      return "Method not allowed";
    case 408:
      return "The request took too long to arrive";
    case 413:
      return "The request body is too large; the limit is 4 MiB";
    case 429:
      return "Too many requests, try again later";
    case 431:
      return "The request header is larger than 32 KiB";
    case 503:
      return "The server is busy or stopping, try again";
    case 507:
      return "The control plane's disk is full and nothing was written. Deleting secret sets and "
             "agents and revoking keys still work. Ask its operator to free space.";
    default:
      return "Internal server error";
  }
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:
    case ErrorCode::too_large:  // a set is too large; a body over its limit is refused earlier
      return 400;
    case ErrorCode::unauthorized:
      return 401;
    case ErrorCode::forbidden:
      return 403;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::conflict:
      return 409;
    case ErrorCode::unavailable:  // the database cannot be reached, or is overloaded
      return 503;
    case ErrorCode::out_of_space:
      return 507;
    default:
      return 500;
  }
}

boost::json::object coded_body(std::string_view text, std::string_view code) {
  boost::json::object body;
  body["error"] = without_markup(text);
  body["code"] = std::string(code);
  return body;
}

}  // namespace

Response json_response(const boost::json::value& body, int status) {
  return Response{.status = status, .body = boost::json::serialize(body)};
}

Response coded_error_response(int status, std::string_view text, std::string_view code) {
  return json_response(coded_body(text, code), status);
}

boost::json::object error_body(const Request& request, int status, std::string_view text) {
  return coded_body(
      text, has_named_codes(request) ? std::string(status_name(status)) : std::to_string(status));
}

Response error_response(const Request& request, int status, std::string_view text) {
  return json_response(error_body(request, status, text), status);
}

Response error_response(const Request& request, const Error& error, const Log& log) {
  const int status = status_of(error.code);
  if (status < 500) return error_response(request, status, error.message);
  log.error("request failed", {{"reason", error.message}});
  return fallback_response(request, status);
}

Response fallback_response(const Request& request, int status) {
  Response response = error_response(request, status, fallback_text(status));
  if (status == 503) response.headers.emplace_back("Retry-After", "2");
  return response;
}

}  // namespace agent_secrets::control_plane
