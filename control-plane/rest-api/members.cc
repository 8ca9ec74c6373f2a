// Members of an organization, for its admins.
//
// Users belong to no organization. An admin can make a new user, and change or end a membership in
// the admin's own organization, but cannot make a user of another organization a member: that
// user's tokens would reach one more organization, and requests that name none would fail. The
// operator does that with `member add`.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "control-plane/catalog/rules.h"
#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/request_json.h"
#include "control-plane/rest-api/rest_api.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

std::optional<Role> role_in(const User& user, const Organization& organization) {
  for (const Membership& membership : user.memberships) {
    if (membership.organization.id == organization.id) return membership.role;
  }
  return std::nullopt;
}

Result<Response> list_members(const RestApi& api, const Request&, const Principal& principal) {
  auto users = api.catalog.users.list();
  if (!users) return propagate(users, "list members");
  json::array rows;
  for (const User& user : *users) {
    const auto role = role_in(user, principal.organization);
    if (!role) continue;
    rows.push_back(
        json::object{{"name", user.name}, {"email", user.email}, {"role", to_string(*role)}});
  }
  return json_response(json::object{{"members", std::move(rows)}});
}

struct WantedMember {
  Role role = Role::member;
  std::string email;  // of a new user; may be empty
};

// Body: {"role", "email"?}.
Result<WantedMember> parse_member(std::string_view body) {
  JsonDocument document(body, kAdminBody);
  const JsonObject root = document.root();
  if (!root.has("role")) root.refuse("role", "missing");
  WantedMember wanted{.role = read_role(root, Role::member),
                      .email = std::string(root.optional_text("email", limits::kEmailMax))};
  if (auto read = document.finish(); !read) return propagate(read);
  return wanted;
}

// A member, or a new user.
Result<User> find_or_add(const RestApi& api, const Principal& principal, const std::string& name,
                         const std::string& email) {
  auto user = api.catalog.users.find(name);
  if (!user) return propagate(user, "find a user");
  if (!*user) return api.catalog.users.add(principal.actor, name, email);
  if (role_in(**user, principal.organization)) return std::move(**user);
  return fail(ErrorCode::conflict,
              fmt::format("User {} exists already, outside of this organization. The operator of "
                          "the control plane adds such a user: `secret-control-plane member add`.",
                          shown(name)));
}

Result<Response> put_member(const RestApi& api, const Request& request,
                            const Principal& principal) {
  auto wanted = parse_member(request.body);
  if (!wanted) return propagate(wanted);
  const std::string& name = request.params.at("name");
  auto user = find_or_add(api, principal, name, wanted->email);
  if (!user) return propagate(user);
  auto role = api.catalog.users.put_membership(principal.actor, user->id, principal.organization.id,
                                               wanted->role);
  if (!role) return propagate(role);
  api.log.info("a member has a role", {{"organization", principal.organization.name},
                                       {"user", name},
                                       {"role", to_string(*role)},
                                       {"actor", describe(principal.actor)}});
  return json_response(json::object{{"name", name}, {"role", to_string(*role)}});
}

Result<Response> remove_member(const RestApi& api, const Request& request,
                               const Principal& principal) {
  const std::string& name = request.params.at("name");
  auto user = api.catalog.users.find(name);
  if (!user) return propagate(user, "find a user");
  if (!*user || !role_in(**user, principal.organization)) {
    return fail(ErrorCode::not_found, "Member not found");
  }
  auto removed =
      api.catalog.users.remove_membership(principal.actor, (*user)->id, principal.organization.id);
  if (!removed) return propagate(removed);
  api.log.info("a membership has ended", {{"organization", principal.organization.name},
                                          {"user", name},
                                          {"actor", describe(principal.actor)}});
  return json_response(json::object{{"status", "OK"}});
}

}  // namespace

void add_member_routes(Router& router, const RestApi& api) {
  const std::string members = "/v1/organizations/{org}/members";
  add_single_route(router, api, "GET", members, list_members);
  add_single_route(router, api, "PUT", members + "/{name}", put_member);
  add_single_route(router, api, "DELETE", members + "/{name}", remove_member);
}

}  // namespace agent_secrets::control_plane
