#include "control-plane/serve_region_node.h"

#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "control-plane/catalog/public_urls.h"
#include "control-plane/data.h"
#include "control-plane/host_actor.h"
#include "control-plane/instance-api/routes.h"
#include "control-plane/refusal_audit.h"
#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/health.h"
#include "control-plane/rest-api/metrics.h"
#include "control-plane/rest-api/process_metrics.h"
#include "control-plane/served_region.h"
#include "control-plane/serving.h"
#include "core/threads.h"

namespace agent_secrets::control_plane {
namespace {

// Tells clients of the REST API that they have the URL of a node.
Router::Fallback fallback_of(const std::string& region) {
  return [region](const Request& request, int status) {
    if (status != 404) return fallback_response(request, status);
    return error_response(request, 404,
                          fmt::format("This server is a node of region {}, which serves only "
                                      "instances: use the URL of a server with a catalog",
                                      region));
  };
}

ProcessState state_of(const ServedRegion& region) {
  ProcessState state;
  region.add_to(state);
  return state;
}

void add_metrics_route(Router& router, const ServedRegion& region, const HttpCounters& counters,
                       const Log& log) {
  router.add_open("GET", "/metrics", [&region, &counters, &log](const Request&) {
    return Response{.body = process_metrics(log, counters, state_of(region)),
                    .content_type = std::string(kMetricsMediaType),
                    .headers = {{"Cache-Control", "no-store"}}};
  });
}

// Finds out at the start whether the node may write records, and not at the first bundle.
Result<void> record_start(RegionStore& store, const std::string& code, const ServeOptions& options,
                          const Clock& clock, const Log& log) {
  AuditEntry entry = entry_of(host_actor(), clock.unix_time());
  entry.action = "node.start";
  entry.object = "region " + code;
  auto recorded = store.append_audit({&entry, 1});
  if (recorded) return {};
  if (audit_mode(options) == BundleAuditMode::best_effort) {
    log.warning("audit records cannot be written", {{"cause", recorded.error().message}});
    return {};
  }
  recorded.error().hint =
      "the node's role needs GRANT INSERT on the table audit (docs/OPERATIONS.md, 'A region node')";
  return recorded;
}

// The recorded public URLs are in the catalog, so a node accepts only the URLs of its options.
Result<std::vector<std::string>> urls_of_node(const ServeOptions& options,
                                              const std::string& listening) {
  auto urls = normalise_urls(options.public_urls);
  if (!urls || !urls->empty()) return urls;
  if (listening.empty()) return no_public_url();
  return std::vector{listening};
}

}  // namespace

Result<void> serve_region_node(const ServeOptions& options, const Clock& clock, const Log& log) {
  auto data = find_node_data(options.data);
  if (!data) return propagate(data);
  auto service = prepare_to_serve(options, log);
  if (!service) return propagate(service);
  if (auto locked = data->place->lock_for_server(); !locked) return locked;
  auto store = join_region(*data->place, std::move(data->keys), data->load);
  if (!store) return propagate(store);

  const std::string& code = options.data.only_region;
  ServedRegion region(code, std::move(*store), audit_mode(options), clock, log);
  HttpCounters counters;
  RefusalAudit refusals(
      counters.refused_callers,
      [&region](std::span<const AuditEntry> entries) {
        return region.store().append_audit(entries);
      },
      clock, log);
  Router router(fallback_of(code));
  add_health_routes(router, [&region] { return std::vector{region.readiness()}; });
  add_metrics_route(router, region, counters, log);
  auto listening = listen(options, *service, router, log, counters);
  if (!listening) return propagate(listening);
  auto urls = urls_of_node(options, listening->url);
  if (!urls) return propagate(urls);
  InstanceApi instances([&region] { return ListedRegions{.regions = {region.for_instances()}}; },
                        *urls, clock, log);
  add_instance_routes(router, instances);

  auto recorded = record_start(region.store(), code, options, clock, log);
  if (!recorded) return recorded;
  if (auto started = region.start(); !started) return propagate(started);
  const auto writing = start_thread<std::jthread>(
      "the audit log", [&refusals](const std::stop_token& stop) { refusals.run(stop); });
  if (!writing) return std::unexpected(writing.error());
  for (const std::string& url : listening->urls) {
    log.info("listening", {{"url", url}, {"public_url", urls->front()}, {"region", code}});
  }
  return run_until_stopped(*listening, options, *service, log, [&region, &log] {
    if (auto loaded = region.refresh_keys(); !loaded) {
      log.error("the keys of the region could not be read again: the ones before stay",
                {{"cause", loaded.error().message}, {"hint", loaded.error().hint}});
    }
  });
}

}  // namespace agent_secrets::control_plane
