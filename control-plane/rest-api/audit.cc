// The audit log, for admins. Our extension of the API.
//
//   GET …/audit[?region=CODE][&before=ID]       the organization's records, newest first:
//                                               {"records": […], "before": ID of the next page}
//   GET …/audit/checkpoint[?region=CODE]        the newest checkpoint of the whole log
//
// Without a region it is the catalog's log: changes. A region's log has the bundles.
#include <charconv>
#include <limits>
#include <optional>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/audit/checkpoint.h"
#include "control-plane/audit/record_json.h"
#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/rest_api.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

std::optional<std::string> region_of(const Request& request) {
  const auto region = request.query.find("region");
  if (region == request.query.end()) return std::nullopt;
  return region->second;
}

// Valid as long as `region`, which is filled in for the log of a region.
Result<AuditLog> find_log(const RestApi& api, const Request& request,
                          std::optional<RestRegion>& region) {
  const auto code = region_of(request);
  if (!code) return api.catalog.audit.log();
  auto codes = api.catalog.regions.codes();
  if (!codes) return propagate(codes, "list regions");
  if (!codes->contains(*code)) return fail(ErrorCode::invalid, "There is no such region");
  auto found = api.regions.find(*code);
  if (!found) return propagate(found);
  region.emplace(std::move(*found));
  AuditLog* const log = region->store.audit_log();
  if (log == nullptr) return fail(ErrorCode::not_found, "This region has no audit log");
  return *log;
}

Result<std::int64_t> parse_before(const Request& request) {
  const auto before = request.query.find("before");
  if (before == request.query.end()) return std::numeric_limits<std::int64_t>::max();
  const std::string& text = before->second;
  std::int64_t id = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && id > 0) return id;
  return fail(ErrorCode::invalid, "before must be the id of a record");
}

Result<Response> list_records(const RestApi& api, const Request& request,
                              const Principal& principal) {
  auto before = parse_before(request);
  if (!before) return propagate(before);
  std::optional<RestRegion> region;
  auto log = find_log(api, request, region);
  if (!log) return propagate(log);
  // A region's log knows the organization by its name alone.
  const AuditOrganization of{.id = region ? 0 : principal.organization.id,
                             .name = principal.organization.name};
  auto records = log->list_newest(*before, limits::kAuditPage, of);
  if (!records) return propagate(records, "read the audit log");
  json::array rows;
  for (const AuditRecord& record : *records) rows.push_back(record_json(record));
  json::object body{{"records", std::move(rows)}};
  if (std::ssize(*records) == limits::kAuditPage) body["before"] = records->back().id;
  return json_response(body);
}

Result<Response> get_checkpoint(const RestApi& api, const Request& request,
                                const Principal& /*principal*/) {
  std::optional<RestRegion> region;
  auto log = find_log(api, request, region);
  if (!log) return propagate(log);
  auto text = log->newest_checkpoint();
  if (!text) return propagate(text, "read a checkpoint");
  if (!*text) return fail(ErrorCode::not_found, "There is no checkpoint yet");
  const AuditKeys& keys = api.catalog.context.audit_keys;
  auto statement = verify_statement(AuditStatementKind::checkpoint, **text,
                                    [&](std::string_view kid) { return keys.find(kid); });
  if (!statement) return propagate(statement, "read a checkpoint");
  return json_response(json::object{{"log", statement->log},
                                    {"position", statement->position},
                                    {"hash", hex(statement->hash)},
                                    {"time", format_timestamp(statement->at)},
                                    {"checkpoint", **text}});
}

}  // namespace

void add_audit_routes(Router& router, const RestApi& api) {
  add_single_route(router, api, "GET", "/v1/organizations/{org}/audit", list_records);
  add_single_route(router, api, "GET", "/v1/organizations/{org}/audit/checkpoint", get_checkpoint);
}

}  // namespace agent_secrets::control_plane
