// Credentials of agents. A caller makes the key, and registers its public half: an admin for an
// agent's containers, a developer for a run on the developer's machine (catalog/develop.h).
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "control-plane/catalog/public_urls.h"
#include "control-plane/fleet/last_uses.h"
#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/request_json.h"
#include "control-plane/rest-api/rest_api.h"
#include "core/limits.h"
#include "core/public_half.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

json::object credential_json(const CredentialRecord& record) {
  return {{"kid", record.kid},
          {"agent", record.agent},
          {"purpose", to_string(record.terms.purpose)},
          {"label", record.terms.label},
          {"madeBy", record.made_by},
          {"createdAt", format_timestamp(record.created_at)},
          {"expiresAt", time_json(record.terms.expires_at)},
          {"revokedAt", time_json(record.revoked_at)},
          {"confirmed", record.confirmed}};
}

// Leaves out lastUsedAt if the last use is unknown: null means "never".
json::object listed_json(const CredentialRecord& record, const LastUses& uses) {
  json::object row = credential_json(record);
  if (uses.is_known(record.kid)) row["lastUsedAt"] = time_json(uses.of(record.kid));
  return row;
}

LastUses read_uses(const RestApi& api, const Principal& principal) {
  const std::vector<RestRegion> regions = api.regions.all();
  std::vector<RegionStore*> stores;
  stores.reserve(regions.size());
  for (const RestRegion& region : regions) stores.push_back(&region.store);
  return read_last_uses(stores, principal.organization.name);
}

struct Registration {
  PublicHalf half;
  CredentialTerms terms;
};

CredentialPurpose read_purpose(const JsonObject& body) {
  const std::string_view text = body.optional_text("purpose", limits::kTitleMax);
  if (!text.empty() && text != "bot" && text != "develop") {
    body.refuse("purpose", "neither bot nor develop");
  }
  return text == "develop" ? CredentialPurpose::develop : CredentialPurpose::bot;
}

// Body: {"kid", "signing_key", "box_key", "purpose"?, "label"?, "expiresIn"?}. The first three are
// what `secret-injector keygen` prints.
Result<Registration> parse_registration(std::string_view body, const Clock& clock) {
  auto half = parse_public_half(body);
  if (!half) return propagate(half);
  JsonDocument document(body, kAdminBody);
  const JsonObject root = document.root();
  Registration wanted{
      .half = std::move(*half),
      .terms = {.label = std::string(root.optional_text("label", limits::kTitleMax)),
                .expires_at = read_expiry(root, clock),
                .purpose = read_purpose(root)}};
  if (auto read = document.finish(); !read) return propagate(read);
  if (wanted.terms.purpose == CredentialPurpose::develop && !wanted.terms.expires_at) {
    wanted.terms.expires_at = clock.unix_time() + limits::kDevelopKey;
  }
  return wanted;
}

Result<CredentialIdentity> identity_of(const RestApi& api, const Principal& principal,
                                       const RestRegion& region, const std::string& agent,
                                       const std::string& kid) {
  auto urls = public_urls(api.catalog);
  if (!urls) return propagate(urls);
  auto ca = recorded_ca(api.catalog);
  if (!ca) return propagate(ca);
  return CredentialIdentity{.urls = std::move(*urls),
                            .organization = principal.organization.name,
                            .agent = agent,
                            .kid = kid,
                            .verification_keys = region.verification_keys,
                            .ca_pem = std::move(*ca)};
}

// Writes the credential to its region. ErrorCode::unavailable if that did not succeed now: the
// client repeats the request, which registers nothing a second time.
Result<CredentialRecord> confirm(const RestApi& api, const Principal& principal,
                                 const RestRegion& region, const CredentialRecord& record) {
  region.provisioner.publish_now();
  auto records = api.catalog.credentials.list(principal.organization.id, record.agent);
  if (!records) return propagate(records);
  const auto found = std::ranges::find(*records, record.kid, &CredentialRecord::kid);
  if (found != records->end() && found->confirmed) return std::move(*found);
  return fail(ErrorCode::unavailable,
              fmt::format("region {} has not confirmed credential {}", region.code, record.kid));
}

void log_registration(const RestApi& api, const Principal& principal,
                      const CredentialRecord& record) {
  const bool is_develop = record.terms.purpose == CredentialPurpose::develop;
  api.log.info(is_develop ? "a developer's run may read the values of an agent"
                          : "a credential is registered",
               {{"organization", principal.organization.name},
                {"agent", record.agent},
                {"kid", record.kid},
                {"actor", describe(principal.actor)},
                {"expires", record.terms.expires_at ? format_timestamp(*record.terms.expires_at)
                                                    : std::string("never")}});
}

// The answer is the public JSON of a credential (docs/protocol.md), which completes the seed to a
// credential, and what the lists show of it.
Result<Response> register_credential(const RestApi& api, const Request& request,
                                     const Principal& principal) {
  auto wanted = parse_registration(request.body, api.clock);
  if (!wanted) return propagate(wanted);
  auto agent = api.catalog.agents.find(principal.organization.id, request.params.at("name"));
  if (!agent) return propagate(agent, "find an agent");
  if (!*agent) return fail(ErrorCode::not_found, "Service not found");
  auto region = api.regions.find((*agent)->region);
  if (!region) return propagate(region);
  auto identity = identity_of(api, principal, *region, (*agent)->name, wanted->half.kid);
  if (!identity) return propagate(identity);
  auto added =
      api.catalog.credentials.add(principal.actor, principal.organization.id, (*agent)->name,
                                  wanted->half.kid, wanted->half.keys, wanted->terms);
  if (!added) return propagate(added);
  // `public-url set` must know the URLs of every credential that lasts. A client that gets no
  // answer repeats the request.
  if (wanted->terms.purpose == CredentialPurpose::bot) {
    auto kept = remember_credential_urls(api.catalog, identity->kid, identity->urls);
    if (!kept) return propagate(kept);
  }
  log_registration(api, principal, *added);
  auto confirmed = confirm(api, principal, *region, *added);
  if (!confirmed) return propagate(confirmed);
  json::object body = json::parse(identity_json(*identity)).as_object();
  for (auto& [name, value] : credential_json(*confirmed)) body[name] = std::move(value);
  return json_response(body, 201);
}

Result<Response> list_credentials(const RestApi& api, const Request&, const Principal& principal) {
  auto records = api.catalog.credentials.list_all(principal.organization.id);
  if (!records) return propagate(records, "list credentials");
  const LastUses uses = read_uses(api, principal);
  json::array rows;
  for (const CredentialRecord& record : *records) rows.push_back(listed_json(record, uses));
  return json_response(json::object{{"credentials", std::move(rows)}});
}

Result<Response> revoke_credential(const RestApi& api, const Request& request,
                                   const Principal& principal) {
  auto records = api.catalog.credentials.list_all(principal.organization.id);
  if (!records) return propagate(records, "list credentials");
  const auto found = std::ranges::find(*records, request.params.at("kid"), &CredentialRecord::kid);
  if (found == records->end()) return fail(ErrorCode::not_found, "Credential not found");
  auto agent = api.catalog.agents.find(principal.organization.id, found->agent);
  if (!agent) return propagate(agent, "find an agent");
  if (!*agent) return fail(ErrorCode::not_found, "Credential not found");
  if (!found->revoked_at) {
    auto revoked = api.catalog.credentials.revoke(principal.actor, principal.organization.id,
                                                  found->agent, found->kid);
    if (!revoked) return propagate(revoked);
  }
  auto region = api.regions.find((*agent)->region);
  if (!region) return propagate(region);
  auto confirmed = confirm(api, principal, *region, *found);
  if (!confirmed) return propagate(confirmed);
  return json_response(json::object{{"status", "OK"}});
}

}  // namespace

void add_credential_routes(Router& router, const RestApi& api) {
  add_single_route(router, api, "POST", "/v1/organizations/{org}/services/{name}/credentials",
                   register_credential);
  add_single_route(router, api, "POST", "/v1/agents/{name}/credentials", register_credential);
  const std::string credentials = "/v1/organizations/{org}/credentials";
  add_single_route(router, api, "GET", credentials, list_credentials);
  add_single_route(router, api, "DELETE", credentials + "/{kid}", revoke_credential);
}

}  // namespace agent_secrets::control_plane
