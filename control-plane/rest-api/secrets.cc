// Secret sets: list, read, write, unset, delete, and which instances hold which version. A write
// answers 202 as soon as the catalog has the values; the region's Provisioner makes the version
// ready afterwards.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "control-plane/fleet/fleet_json.h"
#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/rest_api.h"
#include "control-plane/rest-api/secret_json.h"
#include "core/clock.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

json::string_view text(std::string_view value) { return {value.data(), value.size()}; }

// The members that both the list and one set have.
void add_status(json::object& object, const SecretSet& set) {
  object["region"] = set.region;
  object["status"] = text(to_string(set.status));
  object["version"] = set.version;
  object["readyVersion"] = set.ready_version;
  object["updatedAt"] = format_timestamp(set.updated_at);
  if (set.status == SetStatus::failed) object["errorMessage"] = set.error_message;
  if (!set.protected_by.empty()) object["protected"] = true;
}

Result<Response> list_sets(const RestApi& api, const Request& request, const Principal& principal) {
  auto sets = api.catalog.sets.list(principal.organization.id);
  if (!sets) return propagate(sets, "list secret sets");
  const auto region = request.query.find("region");
  json::array rows;
  for (const SecretSet& set : *sets) {
    if (region != request.query.end() && region->second != set.region) continue;
    json::object row{{"name", set.name}, {"type", text(to_string(set.type))}};
    add_status(row, set);
    rows.push_back(std::move(row));
  }
  return json_response(json::object{{"sets", std::move(rows)}});
}

Result<Response> get_set(const RestApi& api, const Request& request, const Principal& principal) {
  auto set = api.catalog.sets.find(principal.organization.id, request.params.at("set"));
  if (!set) return propagate(set, "find a secret set");
  if (!*set) return fail(ErrorCode::not_found, "Set not found");
  if ((*set)->type == SetType::image_pull_secret) {
    // An old CLI uses this 400 to check that an image pull secret exists.
    return fail(ErrorCode::invalid, "Cannot retrieve image pull secrets by name");
  }
  json::object body;
  add_status(body, **set);
  json::array keys;
  for (std::size_t i = 0; i < (*set)->keys.size(); ++i) {
    const KeyWrite& write = (*set)->writes[i];
    json::object key{{"fieldName", (*set)->keys[i]}, {"version", write.version}};
    if (write.at) {
      key["writtenAt"] = format_timestamp(*write.at);
      key["writtenBy"] = write.author;
    }
    keys.push_back(std::move(key));
  }
  body["secrets"] = std::move(keys);
  if (!(*set)->warning.empty()) body["warning"] = (*set)->warning;
  return json_response(body);
}

// For the question whether an old value may be revoked at its issuer (fleet/set_usage.h).
Result<Response> get_usage(const RestApi& api, const Request& request, const Principal& principal) {
  auto set = api.catalog.sets.find(principal.organization.id, request.params.at("set"));
  if (!set) return propagate(set, "find a secret set");
  if (!*set) return fail(ErrorCode::not_found, "Set not found");
  auto region = api.regions.find((*set)->region);
  if (!region) return propagate(region);
  auto usage = read_set_usage(api.catalog, region->store, principal.organization, **set,
                              api.clock.unix_time());
  if (!usage) return propagate(usage, "read the usage of a secret set");
  return json_response(set_usage_json(*usage));
}

// The Provisioner looks for pending versions now, not at its next poll.
Result<void> wake_provisioner(const RestApi& api, const std::string& region_code) {
  auto region = api.regions.find(region_code);
  if (!region) return propagate(region);
  region->provisioner.wake();
  return {};
}

Result<Response> put_set(const RestApi& api, const Request& request, const Principal& principal) {
  auto write = parse_write_set(request.params.at("set"), request.body);
  if (!write) return propagate(write);
  const bool due_now = !write->quiet_period;
  auto set = api.catalog.sets.write(principal.actor, principal.organization.id, std::move(*write));
  if (!set) return propagate(set);
  // A version with a quiet period is due after the provisioner's next poll. To wake the provisioner
  // for each of a thousand writes would take more processor time than the writes.
  if (due_now) {
    if (auto woken = wake_provisioner(api, set->region); !woken) return propagate(woken);
  }
  json::object body{{"status", "OK"}, {"region", set->region}};
  if (!set->warning.empty()) body["warning"] = set->warning;
  return json_response(body, 202);
}

// Read the region first: the change may remove the row.
Result<std::string> region_of(const RestApi& api, const Request& request,
                              const Principal& principal) {
  auto set = api.catalog.sets.find(principal.organization.id, request.params.at("set"));
  if (!set) return propagate(set, "find a secret set");
  return *set ? (*set)->region : std::string();
}

Result<Response> change_set(const RestApi& api, const Request& request, const Principal& principal,
                            const std::function<Result<void>()>& change) {
  auto region = region_of(api, request, principal);
  if (!region) return propagate(region);
  auto changed = change();
  if (!changed) return propagate(changed);
  if (region->empty()) return json_response(json::object{{"status", "OK"}});
  if (auto woken = wake_provisioner(api, *region); !woken) return propagate(woken);
  return json_response(json::object{{"status", "OK"}});
}

Result<Response> delete_set(const RestApi& api, const Request& request,
                            const Principal& principal) {
  return change_set(api, request, principal, [&] {
    return api.catalog.sets.remove(principal.actor, principal.organization.id,
                                   request.params.at("set"));
  });
}

Result<Response> delete_key(const RestApi& api, const Request& request,
                            const Principal& principal) {
  return change_set(api, request, principal, [&] {
    return api.catalog.sets.unset_key(principal.actor, principal.organization.id,
                                      request.params.at("set"), request.params.at("key"));
  });
}

// Body: {"protected": true or false}.
Result<bool> parse_protection(std::string_view text) {
  boost::system::error_code error;
  const json::value body = json::parse({text.data(), text.size()}, error);
  const json::object* object = error ? nullptr : body.if_object();
  const json::value* value = object == nullptr ? nullptr : object->if_contains("protected");
  if (value != nullptr && value->is_bool() && object->size() == 1) return value->as_bool();
  return fail(ErrorCode::invalid,
              "The request body must have one member, protected, which is true or false");
}

Result<Response> patch_set(const RestApi& api, const Request& request, const Principal& principal) {
  auto is_protected = parse_protection(request.body);
  if (!is_protected) return propagate(is_protected);
  const std::string& set = request.params.at("set");
  const std::int64_t organization = principal.organization.id;
  auto changed = *is_protected ? api.catalog.sets.protect(principal.actor, organization, set)
                               : api.catalog.sets.unprotect(principal.actor, organization, set);
  if (!changed) return propagate(changed);
  return json_response(json::object{{"status", "OK"}, {"protected", *is_protected}});
}

}  // namespace

void add_secret_routes(Router& router, const RestApi& api) {
  add_route(router, api, "GET", "/secrets", list_sets);
  add_route(router, api, "GET", "/secrets/{set}", get_set);
  add_route(router, api, "PUT", "/secrets/{set}", put_set);
  add_route(router, api, "PATCH", "/secrets/{set}", patch_set);
  add_route(router, api, "DELETE", "/secrets/{set}", delete_set);
  add_route(router, api, "DELETE", "/secrets/{set}/{key}", delete_key);
  add_single_route(router, api, "GET", "/v1/organizations/{org}/secrets/{set}/usage", get_usage);
}

}  // namespace agent_secrets::control_plane
