#include "control-plane/serve.h"

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <unistd.h>

#include "control-plane/catalog/public_urls.h"
#include "control-plane/catalog_audit.h"
#include "control-plane/data.h"
#include "control-plane/database/migrations.h"
#include "control-plane/host_actor.h"
#include "control-plane/instance-api/routes.h"
#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/health.h"
#include "control-plane/rest-api/rest_api.h"
#include "control-plane/rollout/deploy_command.h"
#include "control-plane/served_regions.h"
#include "control-plane/serving.h"
#include "control-plane/web/page.h"

namespace agent_secrets::control_plane {
namespace {

std::optional<RolloutOptions> rollout_options(const ServeOptions& options) {
  if (options.on_deploy.empty()) return std::nullopt;
  return RolloutOptions{.command = options.on_deploy,
                        .time_limit = std::chrono::seconds(options.on_deploy_timeout_s),
                        .inherited = rollout_inherits(environ),
                        .actor = host_actor()};
}

// The only server of a data directory knows whether there is a deploy command. A server beside
// others knows of its own alone.
Result<void> note_deploy_command(Rollouts& rollouts, const ServeOptions& options, bool is_shared) {
  if (!options.on_deploy.empty()) return rollouts.use_command(host_actor());
  return is_shared ? Result<void>() : rollouts.forget_command(host_actor());
}

void warn_of_uncoded_rows(const ServeOptions& options, const Log& log) {
  if (!options.data.accept_uncoded_rows) return;
  log.warning(
      "rows without an authority code are accepted: whoever can write to the database can "
      "read values; when the upgrade is over, run secret-control-plane authority adopt, "
      "and restart without --accept-uncoded-rows");
}

// The data and the catalog must outlive it.
RegionSource source_of_regions(const Data& data, Catalog& catalog) {
  return {.codes = [&catalog] { return catalog.regions.codes(); },
          .schema = [&catalog] { return current_schema(*catalog.context.database); },
          .keys =
              [&catalog] {
                return catalog.context.database->read("list the keys", [](Transaction& tx) {
                  return Result<std::vector<KeyFacts>>(list_keys(tx));
                });
              },
          .open =
              [&data, &catalog](const std::string& code) {
                return open_region(*data.place, catalog, data.master_key, code);
              },
          .will_serve =
              [&catalog](const std::set<std::string>& codes) { catalog.regions.know_only(codes); }};
}

}  // namespace

Result<void> serve(const ServeOptions& options, const Clock& clock, const Log& log) {
  auto data = find_data(options.data);
  if (!data) return propagate(data);
  auto service = prepare_to_serve(options, log);
  if (!service) return propagate(service);
  if (auto locked = data->place->lock_for_server(); !locked) return locked;
  auto stores = open_stores(*data->place, data->master_key, clock);
  if (!stores) return propagate(stores);

  Catalog& catalog = *stores->catalog;
  catalog.context.authority.refused()->log_to(log);
  warn_of_uncoded_rows(options, log);
  const bool is_shared = data->place->is_shared();
  if (auto noted = note_deploy_command(catalog.rollouts, options, is_shared); !noted) return noted;
  const LeaseOptions lease{.scope = is_shared ? LeaseScope::several_processes
                                              : LeaseScope::data_directory};
  HttpCounters counters;
  CatalogAudit audit(catalog, counters.refused_callers, lease, clock, log);
  DeployCommand deploy_command(rollout_options(options), catalog, lease, clock, log);
  ServedRegions regions(std::move(stores->regions), source_of_regions(*data, catalog), catalog,
                        lease, clock, log, audit_mode(options));
  const RestApi rest{.catalog = catalog,
                     .regions = RestRegions([&regions] { return regions.for_rest(); }),
                     .roll_out = [&deploy_command] { deploy_command.wake(); },
                     .process = [&regions] { return regions.process_state(); },
                     .counters = counters,
                     .clock = clock,
                     .log = log};
  Router router(fallback_response);
  add_rest_routes(router, rest);
  if (!options.no_web) add_page_routes(router);
  add_health_routes(router, [&regions] { return regions.readiness(); });
  auto listening = listen(options, *service, router, log, counters);
  if (!listening) return propagate(listening);
  auto urls = urls_of_run(catalog, options.public_urls, listening->url);
  if (!urls) return propagate(urls);
  if (auto told = warn_of_unrecorded_urls(catalog, options.public_urls, log); !told) return told;
  InstanceApi instances([&regions] { return regions.for_instances(); }, *urls, clock, log);
  add_instance_routes(router, instances);

  if (auto started = audit.start(); !started) return propagate(started);
  if (auto started = regions.start(); !started) return propagate(started);
  if (auto started = deploy_command.start(); !started) return propagate(started);
  for (const std::string& url : listening->urls) {
    log.info("listening", {{"url", url}, {"public_url", urls->front()}});
  }
  return run_until_stopped(*listening, options, *service, log);
}

}  // namespace agent_secrets::control_plane
