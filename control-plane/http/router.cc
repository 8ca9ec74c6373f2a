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

// HEAD is handled as GET; the server leaves out the body (RFC 9110 section 9.3.2).
std::string_view effective_method(const Request& request) {
  return request.method == "HEAD" ? std::string_view("GET") : std::string_view(request.method);
}

}  // namespace

Router::Router(Fallback fallback) : fallback_(std::move(fallback)) {}

void Router::add(std::string_view method, std::string_view pattern, Admit admit) {
  routes_.push_back({.method = std::string(method),
                     .pattern = std::string(method) + " " + std::string(pattern),
                     .segments = split(pattern),
                     .admit = std::move(admit)});
}

void Router::add_open(std::string_view method, std::string_view pattern,
                      std::function<Response(const Request&)> answer) {
  add(method, pattern, [answer = std::move(answer)](const Request& request) -> Admission {
    return answer(request);
  });
}

void Router::add_immediate(std::string_view method, std::string_view pattern,
                           std::function<Response(const Request&)> answer) {
  add_open(method, pattern, answer);
  routes_.back().at_once = std::move(answer);
}

const Router::Route* Router::find(const Request& request, std::set<std::string>* allowed) const {
  for (const Route& route : routes_) {
    if (!matches(route.segments, request.segments)) continue;
    if (route.method == effective_method(request)) return &route;
    if (allowed != nullptr) allowed->insert(route.method);
  }
  return nullptr;
}

Response Router::refuse_unrouted(const Request& request, std::set<std::string> allowed) const {
  if (allowed.empty()) return fallback_(request, 404);
  if (allowed.contains("GET")) allowed.insert("HEAD");
  std::string list;
  for (const std::string& method : allowed) list += (list.empty() ? "" : ", ") + method;
  Response response = fallback_(request, 405);
  response.headers.emplace_back("Allow", std::move(list));
  return response;
}

Admission Router::admit(Request& request) const {
  std::set<std::string> allowed;
  const Route* route = find(request, &allowed);
  if (route == nullptr) return refuse_unrouted(request, std::move(allowed));
  request.params.clear();
  for (std::size_t i = 0; i < route->segments.size(); ++i) {
    const std::string& name = route->segments[i];
    if (!is_parameter(name) || takes_the_rest(name)) continue;
    request.params[name.substr(1, name.size() - 2)] = request.segments[i];
  }
  try {
    return route->admit(request);
  } catch (const std::exception&) {
    return fallback_(request, 500);
  }
}

Dispatched Router::dispatch(Request& request) const {
  Admission admission = admit(request);
  if (auto* refusal = std::get_if<Response>(&admission)) return {{}, std::move(*refusal)};
  auto& [account, handle, body_max] = std::get<Admitted>(admission);
  Outcome outcome = run(handle, request);
  return {std::move(account), std::move(outcome)};
}

Outcome Router::run(const Handler& handle, const Request& request) const {
  try {
    return handle(request);
  } catch (const std::exception&) {
    // The exception's text is not used: a library may have copied a part of the body into it.
    return fallback_(request, 500);
  }
}

std::vector<std::string> Router::routes() const {
  std::vector<std::string> all;
  all.reserve(routes_.size());
  for (const Route& route : routes_) all.push_back(route.pattern);
  return all;
}

std::optional<std::size_t> Router::route_of(const Request& request) const {
  const Route* route = find(request, nullptr);
  if (route == nullptr) return std::nullopt;
  return static_cast<std::size_t>(route - routes_.data());
}

std::string_view Router::pattern_of(std::optional<std::size_t> route) const {
  return route ? std::string_view(routes_[*route].pattern) : std::string_view();
}

std::optional<Response> Router::answer_at_once(std::optional<std::size_t> route,
                                               const Request& request) const {
  if (!route || !routes_[*route].at_once) return std::nullopt;
  return routes_[*route].at_once(request);
}

Response Router::refuse(const Request& request, int status) const {
  return fallback_(request, status);
}

}  // namespace agent_secrets::control_plane
