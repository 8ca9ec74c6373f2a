#include "control-plane/served_regions.h"

#include <algorithm>
#include <condition_variable>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/limits.h"
#include "core/threads.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::chrono::seconds kLookEvery{1};
constexpr const char* kCatalogUnread = "The catalog cannot be read";

// Names of checks.
constexpr const char* kCatalog = "catalog";
constexpr const char* kSchema = "schema";
constexpr const char* kRegions = "regions";

}  // namespace

ServedRegions::ServedRegions(std::map<std::string, RegionHandle> regions, RegionSource source,
                             Catalog& catalog, const LeaseOptions& lease, const Clock& clock,
                             const Log& log, BundleAuditMode audit)
    : source_(std::move(source)),
      catalog_(catalog),
      lease_(lease),
      audit_(audit),
      clock_(clock),
      log_(log),
      looked_at_(clock.monotonic()),
      failover_(
          "catalog", [&catalog] { return catalog.failovers.settle(); },
          [this] { compare_with_catalog(); }, log) {
  for (auto& [code, region] : regions) {
    regions_.emplace(code, std::make_shared<ProvisionedRegion>(code, std::move(region), catalog,
                                                               lease, audit, clock, log));
  }
}

Result<void> ServedRegions::start() {
  // Started first, so that the regions work with raised numbers from the beginning.
  if (auto started = failover_.start(); !started) return started;
  for (const auto& [code, region] : regions_) {
    if (auto started = region->start(); !started) return started;
  }
  auto following = start_thread<std::jthread>("the list of regions",
                                              [this](const std::stop_token& stop) { run(stop); });
  if (!following) return propagate(following);
  following_ = std::move(*following);
  auto listener =
      catalog_.outbox.listen([this](std::string_view code) { look_for_work(code); }, log_);
  if (!listener) return propagate(listener);
  listener_ = std::move(*listener);
  return {};
}

ServedRegions::Regions ServedRegions::served() const {
  const std::scoped_lock lock(mutex_);
  return regions_;
}

void ServedRegions::look_for_work(std::string_view code) const {
  for (const auto& [name, region] : served()) {
    if (code.empty() || code == name) region->look_for_work();
  }
}

void ServedRegions::compare_with_catalog() const {
  for (const auto& [name, region] : served()) region->compare_with_catalog();
}

ProcessState ServedRegions::process_state() const {
  ProcessState state;
  state.databases.push_back(
      {.database = "catalog", .writes = catalog_.context.database->write_counts()});
  state.refused_rows.push_back(
      {.database = "catalog", .count = catalog_.context.authority.refused()->count()});
  if (listener_ != nullptr) {
    state.listeners.push_back({.database = "catalog", .is_connected = listener_->is_connected()});
  }
  for (const auto& [name, region] : served()) region->add_to(state);
  return state;
}

void ServedRegions::run(const std::stop_token& stop) {
  std::mutex sleeping;
  std::condition_variable_any woken;
  while (!stop.stop_requested()) {
    follow();
    std::unique_lock lock(sleeping);
    woken.wait_for(lock, stop, kLookEvery, [] { return false; });
  }
}

void ServedRegions::follow() {
  // No other thread can get a region that is not listed any more, so a count of 1 stays 1.
  std::erase_if(removed_, [](const auto& entry) { return entry.second.use_count() == 1; });
  note(look());
}

std::optional<ServedRegions::Trouble> ServedRegions::look() {
  const auto codes = source_.codes();
  if (!codes) {
    return Trouble{.check = kCatalog, .what = kCatalogUnread, .cause = codes.error().message};
  }
  {
    const std::scoped_lock lock(mutex_);
    looked_at_ = clock_.monotonic();  // opening a region may take long
  }
  if (auto trouble = look_at_schema()) return trouble;
  Regions regions = regions_;  // only this thread changes it
  removed_.merge(take_removed(regions, *codes));
  std::optional<Trouble> trouble;
  open_missing(*codes, regions, trouble);
  if (regions != regions_) serve(std::move(regions));
  look_at_keys(regions_);
  const std::scoped_lock lock(mutex_);
  are_all_open_ = regions_.size() == codes->size();
  return trouble;
}

// A region that cannot be opened keeps no other region from being served.
void ServedRegions::open_missing(const std::set<std::string>& codes, Regions& regions,
                                 std::optional<Trouble>& trouble) {
  for (const std::string& code : codes) {
    if (regions.contains(code)) continue;
    auto region = begin(code);
    if (region) {
      regions.emplace(code, std::move(*region));
    } else if (!trouble || trouble->check.empty()) {
      const bool is_outage = region.error().code == ErrorCode::unavailable;
      trouble = {.check = is_outage ? "" : kRegions,
                 .what = "Region " + code + " cannot be opened",
                 .cause = region.error().message};
    }
  }
}

// A newer schema is no trouble: during an upgrade the servers of the version before go on with it.
// An older one means that the database was replaced by a copy from before an upgrade.
std::optional<ServedRegions::Trouble> ServedRegions::look_at_schema() {
  const auto schema = source_.schema();
  if (!schema) {
    return Trouble{.check = kCatalog, .what = kCatalogUnread, .cause = schema.error().message};
  }
  schema_ = std::max(schema_, *schema);
  if (*schema == schema_) return std::nullopt;
  return Trouble{.check = kSchema,
                 .what = "The catalog's schema is older than this server needs",
                 .cause = fmt::format("schema {} in place of {}", *schema, schema_)};
}

// With the old master key alone, new keys cannot be opened. The server goes on with those that it
// has: it serves until values are under a new data key.
void ServedRegions::look_at_keys(const Regions& regions) {
  auto keys = source_.keys();
  if (!keys || keys_ == *keys) return;
  // Before the first look, a key may have been rotated since the regions were opened.
  const auto loaded = load_keys(regions);
  std::string trouble = loaded ? "" : loaded.error().message;
  if (loaded) {
    if (keys_) log_.info("the keys have changed, and the new ones are loaded");
    keys_ = std::move(*keys);
  } else if (trouble != keys_trouble_) {
    log_.error("the keys have changed, and cannot be loaded: the ones before stay",
               {{"cause", trouble}});
  }
  keys_trouble_ = std::move(trouble);
}

// Loads the keys of the catalog and of each region, and returns the first error. A server without
// writes also loads the catalog's keys: after a rotation of the master key it could not.
Result<void> ServedRegions::load_keys(const Regions& regions) const {
  Result<void> outcome =
      catalog_.context.database->read("load the keys", [this](Transaction& tx) -> Result<void> {
        auto cipher = catalog_.context.cipher.in(tx);
        if (!cipher) return propagate(cipher);
        return {};
      });
  for (const auto& [code, region] : regions) {
    auto loaded = region->refresh_keys();
    if (!loaded && outcome) outcome = std::move(loaded);
  }
  return outcome;
}

ServedRegions::Regions ServedRegions::take_removed(Regions& regions,
                                                   const std::set<std::string>& codes) {
  Regions removed;
  for (auto at = regions.begin(); at != regions.end();) {
    const auto here = at++;
    if (!codes.contains(here->first)) removed.insert(regions.extract(here));
  }
  return removed;
}

// A region that was removed and is still in use is served again. Opened a second time, it would
// have two hubs, and the parked requests of the first would not be woken.
Result<std::shared_ptr<ProvisionedRegion>> ServedRegions::begin(const std::string& code) {
  if (auto in_use = removed_.extract(code)) return std::move(in_use.mapped());
  auto handle = source_.open(code);
  if (!handle) return propagate(handle);
  auto region = std::make_shared<ProvisionedRegion>(code, std::move(*handle), catalog_, lease_,
                                                    audit_, clock_, log_);
  if (auto started = region->start(); !started) return propagate(started);
  return region;
}

// The catalog accepts writes to a new region only after the region is listed: the request that
// writes uses the region.
void ServedRegions::serve(Regions regions) {
  std::set<std::string> codes;
  for (const auto& [code, region] : regions) codes.insert(code);
  {
    const std::scoped_lock lock(mutex_);
    regions_ = std::move(regions);
  }
  source_.will_serve(codes);
  log_.info("regions changed", {{"served", fmt::format("{}", fmt::join(codes, ", "))}});
}

void ServedRegions::note(const std::optional<Trouble>& trouble) {
  const std::scoped_lock lock(mutex_);
  const bool is_known = trouble && trouble_
                            ? trouble->what == trouble_->what && trouble->check == trouble_->check
                            : trouble.has_value() == trouble_.has_value();
  trouble_ = trouble;
  if (is_known) return;
  if (!trouble) {
    log_.info("ready again");
  } else if (trouble->check.empty()) {
    log_.error("a region is not served", {{"reason", trouble->what}, {"cause", trouble->cause}});
  } else {
    log_.error("not ready", {{"reason", trouble->what}, {"cause", trouble->cause}});
  }
}

std::vector<ReadinessCheck> ServedRegions::readiness() const {
  std::vector<ReadinessCheck> checks;
  for (const char* name : {kCatalog, kSchema, kRegions}) {
    checks.push_back({.name = name, .problem = ""});
  }
  {
    const std::scoped_lock lock(mutex_);
    if (clock_.monotonic() - looked_at_ > kReadyFor) checks.front().problem = kCatalogUnread;
    for (ReadinessCheck& check : checks) {
      if (trouble_ && trouble_->check == check.name) check.problem = trouble_->what;
    }
  }
  checks.push_back({.name = "provisioning", .problem = behind()});
  return checks;
}

std::string ServedRegions::behind() const {
  for (const auto& [code, region] : served()) {
    const auto lag = region->lag();
    if (lag && *lag > limits::kReadyLag) {
      return fmt::format("Region {} is {} s behind the catalog", code,
                         std::chrono::duration_cast<std::chrono::seconds>(*lag).count());
    }
  }
  return {};
}

ListedRegions ServedRegions::for_instances() const {
  const std::scoped_lock lock(mutex_);
  ListedRegions listed{.regions = {}, .are_all = are_all_open_};
  listed.regions.reserve(regions_.size());
  for (const auto& [code, region] : regions_) {
    if (!region->is_readable()) {
      listed.are_all = false;
      continue;
    }
    listed.regions.push_back(region->for_instances());
    listed.regions.back().alive = region;
  }
  return listed;
}

std::vector<RestRegion> ServedRegions::for_rest() const {
  const std::scoped_lock lock(mutex_);
  std::vector<RestRegion> list;
  list.reserve(regions_.size());
  for (const auto& [code, region] : regions_) {
    list.push_back(region->for_rest());
    list.back().alive = region;
  }
  return list;
}

}  // namespace agent_secrets::control_plane
