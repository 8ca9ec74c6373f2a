#include "control-plane/http/router.h"

#include <algorithm>
#include <exception>
#include <set>
#include <span>
#include <utility>

#include "core/error.h"

namespace agent_secrets::control_plane {
namespace {

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

std::vector<std::string> split(std::string_view pattern) {
  AGENT_SECRETS_ASSERT(pattern.starts_with('/'));
  std::vector<std::string> segments;
  if (pattern == "/") return segments;
  for (std::size_t from = 1;;) {
    const std::size_t slash = std::min(pattern.find('/', from), pattern.size());
    segments.emplace_back(pattern.substr(from, slash - from));
    if (slash == pattern.size()) break;
    from = slash + 1;
  }
  return segments;
}

bool takes_the_rest(std::string_view segment) {
  return is_parameter(segment) && segment.ends_with("...}");
}

bool matches(std::span<const std::string> pattern, std::span<const std::string> path) {
  if (!pattern.empty() && takes_the_rest(pattern.back()) && path.size() > pattern.size()) {
    path = path.first(pattern.size());
  }
  return std::ranges::equal(pattern, path, [](const std::string& wanted, const std::string& got) {
    return is_parameter(wanted) || wanted == got;
  });
}

// HEAD is GET whose body the server leaves out (RFC 9110 section 9.3.2).
std::string_view effective_method(const Request& request) {
  return request.method == "HEAD" ? std::string_view("GET") : std::string_view(request.method);
}

}  // namespace

Router::Router(Fallback fallback) : fallback_(std::move(fallback)) {}

void Router::add(std::string_view method, std::string_view pattern, Handler handler) {
  routes_.push_back({.method = std::string(method),
                     .pattern = std::string(method) + " " + std::string(pattern),
                     .segments = split(pattern),
                     .handler = std::move(handler)});
}

Outcome Router::dispatch(Request& request) const {
  std::set<std::string> allowed;
  for (const Route& route : routes_) {
    if (!matches(route.segments, request.segments)) continue;
    if (route.method != effective_method(request)) {
      allowed.insert(route.method);
      continue;
    }
    request.params.clear();
    for (std::size_t i = 0; i < route.segments.size(); ++i) {
      const std::string& name = route.segments[i];
      if (!is_parameter(name) || takes_the_rest(name)) continue;
      request.params[name.substr(1, name.size() - 2)] = request.segments[i];
    }
    try {
      return route.handler(request);
    } catch (const std::exception&) {
      // No text: what a library put into its message may come from the body.
      return fallback_(request, 500);
    }
  }
  if (allowed.empty()) return fallback_(request, 404);
  if (allowed.contains("GET")) allowed.insert("HEAD");
  std::string list;
  for (const std::string& method : allowed) list += (list.empty() ? "" : ", ") + method;
  Response response = fallback_(request, 405);
  response.headers.emplace_back("Allow", std::move(list));
  return response;
}

std::vector<std::string> Router::routes() const {
  std::vector<std::string> all;
  all.reserve(routes_.size());
  for (const Route& route : routes_) all.push_back(route.pattern);
  return all;
}

std::string_view Router::route_of(const Request& request) const {
  for (const Route& route : routes_) {
    if (route.method == effective_method(request) && matches(route.segments, request.segments)) {
      return route.pattern;
    }
  }
  return {};
}

Response Router::refuse(const Request& request, int status) const {
  return fallback_(request, status);
}

}  // namespace agent_secrets::control_plane
