// Sessions run on the operator's platform. The control plane knows only how many active sessions
// each live instance reports. Each session becomes a row: the id names the instance, and the time
// is the instance's first request. Members that only the platform knows are null (the CLI reads all
// five members). Only the platform can stop a session.
#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/instances.h"
#include "control-plane/rest-api/rest_api.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

constexpr std::size_t kDefaultLimit = 10;
constexpr std::size_t kRowsMax = 1'000;
constexpr std::string_view kNotStopped =
    "This control plane does not run agents. Stop a session where you run their containers.";

struct Page {
  std::size_t limit = kDefaultLimit;
  std::size_t offset = 0;
  bool wants_active = true;  // only active sessions are known
};

std::optional<std::string_view> query(const Request& request, const std::string& name) {
  const auto found = request.query.find(name);
  if (found == request.query.end()) return std::nullopt;
  return found->second;
}

Result<void> read_number(const Request& request, const std::string& name, std::size_t& number) {
  const auto text = query(request, name);
  if (!text) return {};
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error == std::errc() && end == text->data() + text->size()) return {};
  return fail(ErrorCode::invalid, name + " must be a whole number");
}

Result<Page> read_page(const Request& request) {
  Page page;
  if (auto ok = read_number(request, "limit", page.limit); !ok) return propagate(ok);
  if (auto ok = read_number(request, "offset", page.offset); !ok) return propagate(ok);
  if (page.limit == 0 || page.limit > kRowsMax) {
    return fail(ErrorCode::invalid, fmt::format("limit must be from 1 to {}", kRowsMax));
  }
  const auto status = query(request, "status").value_or("all");
  if (status != "all" && status != "active" && status != "ended") {
    return fail(ErrorCode::invalid, "status must be active or ended or all");
  }
  page.wants_active =
      status != "ended" && query(request, "endState").value_or("active") == "active";
  return page;
}

json::object session_json(const FleetInstance& instance, std::int64_t number) {
  return {{"sessionId", fmt::format("{}.{}", instance.heard.instance, number)},
          {"createdAt", format_timestamp(instance.heard.first_seen)},
          {"endedAt", nullptr},
          {"deploymentId",
           instance.release ? json::value(instance.release->deployment_id) : json::value(nullptr)},
          {"botStartSeconds", nullptr},
          {"coldStart", nullptr},
          {"completionStatus", nullptr},
          {"endState", "active"}};
}

Result<Agent> find_agent(const RestApi& api, const Request& request, const Principal& principal) {
  auto agent = api.catalog.agents.find(principal.organization.id, request.params.at("name"));
  if (!agent) return propagate(agent, "find an agent");
  if (!*agent) return fail(ErrorCode::not_found, "Service not found");
  return std::move(**agent);
}

// Only the rows of the requested page are made, because instances report any number of sessions.
Result<Response> list_sessions(const RestApi& api, const Request& request,
                               const Principal& principal) {
  auto page = read_page(request);
  if (!page) return propagate(page);
  auto agent = find_agent(api, request, principal);
  if (!agent) return propagate(agent);
  json::array rows;
  std::size_t total = 0;
  if (page->wants_active) {
    for (const FleetInstance& instance : live_instances(api, *agent)) {
      const auto count =
          static_cast<std::size_t>(std::max<std::int64_t>(instance.heard.active_sessions, 0));
      const std::size_t first = std::max(total, page->offset);
      for (std::size_t at = first; at < total + count && rows.size() < page->limit; ++at) {
        rows.push_back(session_json(instance, static_cast<std::int64_t>(at - total + 1)));
      }
      total += count;
    }
  }
  return json_response(json::object{{"total_count", total}, {"sessions", std::move(rows)}});
}

// "INSTANCE.NUMBER" of a session that its instance reports now.
Result<Response> get_session(const RestApi& api, const Request& request,
                             const Principal& principal) {
  auto agent = find_agent(api, request, principal);
  if (!agent) return propagate(agent);
  const std::string& id = request.params.at("id");
  const std::size_t dot = id.rfind('.');
  std::int64_t number = 0;
  if (dot != std::string::npos) std::from_chars(id.data() + dot + 1, id.data() + id.size(), number);
  for (const FleetInstance& instance : live_instances(api, *agent)) {
    if (number < 1 || number > instance.heard.active_sessions) continue;
    if (fmt::format("{}.{}", instance.heard.instance, number) != id) continue;
    return json_response(session_json(instance, number));
  }
  return fail(ErrorCode::not_found, "Session not found");
}

Result<Response> stop_session(const RestApi&, const Request& request, const Principal&) {
  return error_response(request, 501, kNotStopped);
}

}  // namespace

void add_session_routes(Router& router, const RestApi& api) {
  for (const std::string agent : {"/v1/organizations/{org}/services/{name}", "/v1/agents/{name}"}) {
    add_single_route(router, api, "GET", agent + "/sessions", list_sessions);
    add_single_route(router, api, "GET", agent + "/sessions/{id}", get_session);
    add_single_route(router, api, "DELETE", agent + "/sessions/{id}", stop_session);
  }
}

}  // namespace agent_secrets::control_plane
