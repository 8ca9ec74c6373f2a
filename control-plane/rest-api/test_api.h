#pragma once
// Calls the routes as a client, on a real catalog in a temporary directory: the organizations
// `acme` and `other`, each with its own token, and both regions' provisioners.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "control-plane/http/target.h"
#include "control-plane/model/test_actor.h"
#include "control-plane/provisioning/provisioner.h"
#include "control-plane/replica/lease_keeper.h"
#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/health.h"
#include "control-plane/rest-api/rest_api.h"
#include "control-plane/stores.h"
#include "control-plane/web/page.h"
#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {

struct Answer {
  int status;
  std::string text;
  boost::json::value body;
};

class RestFixture {
 public:
  RestFixture() {
    const auto key = MasterKey::create_file(directory_.path("master.key"));
    REQUIRE(key);
    const auto place = data_directory_place(directory_.path("data"));
    {
      auto created = create_stores(*place, *key, clock_);
      REQUIRE(created);
      REQUIRE(
          created->catalog->regions.add(kAdmin, {.code = "us-west", .display_name = "US West"}));
      REQUIRE(created->catalog->regions.add(kAdmin,
                                            {.code = "eu-central", .display_name = "Frankfurt"}));
      add_organization(*created->catalog, "acme", "pcc_pat_acme");
      add_organization(*created->catalog, "other", "pcc_pat_other");
    }
    auto opened = open_stores(*place, *key, clock_);
    REQUIRE(opened);
    stores_ = std::move(*opened);
    for (auto& [code, handle] : stores_.regions) {
      auto& lease = leases_[code];
      lease =
          std::make_unique<LeaseKeeper>(provisioner_work(code), stores_.catalog->leases, clock_,
                                        log_, LeaseOptions{.scope = LeaseScope::data_directory});
      lease->work_once();
      provisioners_[code] = std::make_unique<Provisioner>(
          code, stores_.catalog->outbox, *handle.store, [] {}, *lease, clock_, log_);
    }
    api_.emplace(RestApi{.catalog = *stores_.catalog,
                         .regions = RestRegions([this] { return regions(); }),
                         .roll_out = [] {},
                         .process = [] { return ProcessState(); },
                         .counters = counters_,
                         .clock = clock_,
                         .log = log_});
    add_rest_routes(router_, *api_);
    add_page_routes(router_);
    add_health_routes(router_, [this] {
      return std::vector<ReadinessCheck>{{.name = "catalog", .problem = catalog_problem},
                                         {.name = "provisioning", .problem = ""}};
    });
  }

  [[nodiscard]] const Router& router() const { return router_; }
  Answer ask(std::string_view method, const std::string& path, std::string_view body = "",
             const std::string& token = "pcc_pat_acme") {
    Request request;
    request.method = method;
    REQUIRE(parse_target(path, request));
    request.body = body;
    if (!token.empty()) request.headers["authorization"] = "Bearer " + token;
    const Response response = std::get<Response>(router_.dispatch(request).outcome);
    if (path == "/metrics" && response.status == 200) return {200, response.body, {}};
    CHECK(response.content_type == "application/json");
    if (response.status >= 400) CHECK(response.body.find('[') == std::string::npos);
    return {response.status, response.body, boost::json::parse(response.body)};
  }
  Answer org(std::string_view method, const std::string& path, std::string_view body = "") {
    return ask(method, "/v1/organizations/acme" + path, body);
  }
  void provision() {
    clock_.advance(std::chrono::seconds(1));
    for (auto& [code, provisioner] : provisioners_) {
      while (provisioner->work_once() == std::chrono::milliseconds(0)) {
      }
    }
  }
  // Reports a watched instance of the agent, with one session.
  void hear(const std::string& agent, const std::string& instance) {
    const auto found = catalog().agents.find(organization_id("acme"), agent);
    REQUIRE(found);
    const std::int64_t id = (*found)->id;
    const HeardInstance report{
        .agent_id = id,
        .instance = instance,
        .sequence = (*stores_.regions.at("us-west").store->find_agent(id))->sequence,
        .kid = "kid1",
        .active_sessions = 1,
        .at = clock_.unix_time(),
        .watched = true};
    REQUIRE(
        stores_.regions.at("us-west").store->record_instances({&report, 1}, clock_.unix_time()));
  }
  // Records that the credential of the agent was used in this hour.
  void use_credential(const std::string& agent, const std::string& kid) {
    const auto found = catalog().agents.find(organization_id("acme"), agent);
    REQUIRE(found);
    const CredentialUse use{.kid = kid,
                            .agent_id = (*found)->id,
                            .hour = std::chrono::floor<std::chrono::hours>(clock_.unix_time())};
    REQUIRE(stores_.regions.at("us-west").store->record_uses({&use, 1}));
  }
  void make_ready_set(const std::string& name, const std::string& region = "us-west") {
    REQUIRE(org("PUT", "/secrets/" + name,
                R"({"secrets":[{"secretKey":"A","secretValue":"1"}],"region":")" + region + "\"}")
                .status == 202);
    provision();
  }

  std::string catalog_problem;  // for /readyz

  Catalog& catalog() { return *stores_.catalog; }
  std::int64_t organization_id(const std::string& name) {
    const auto organization = catalog().organizations.find(name);
    REQUIRE((organization && *organization));
    return (*organization)->id;
  }

 private:
  std::vector<RestRegion> regions() {
    std::vector<RestRegion> list;
    for (auto& [code, handle] : stores_.regions) {
      list.push_back({.code = code,
                      .store = *handle.store,
                      .provisioner = *provisioners_.at(code),
                      .verification_keys = handle.signing_keys->now()->verification_keys});
    }
    return list;
  }
  static void add_organization(Catalog& catalog, const std::string& name,
                               const std::string& token) {
    const auto organization = catalog.organizations.create(kAdmin, name, name, "us-west");
    REQUIRE(organization);
    REQUIRE(
        catalog.tokens.add(kAdmin, organization->id, "first", Role::member, hash_bearer(token)));
  }

  TemporaryDirectory directory_;
  FakeClock clock_;
  Log log_{"test", LogLevel::error, LogFormat::json};
  HttpCounters counters_;
  Stores stores_;
  std::map<std::string, std::unique_ptr<LeaseKeeper>> leases_;
  std::map<std::string, std::unique_ptr<Provisioner>> provisioners_;
  std::optional<RestApi> api_;
  Router router_{fallback_response};
};

inline boost::json::value error(const char* text, const char* code) {
  return boost::json::object{{"error", text}, {"code", code}};
}

}  // namespace agent_secrets::control_plane
