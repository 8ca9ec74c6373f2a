#include "control-plane/provisioning/provisioner.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/cli_text.h"
#include "control-plane/provisioning/agreement.h"

namespace agent_secrets::control_plane {
namespace {

constexpr int kAgentsAtOnce = 64;
// Versions in one round. Agents are published after each round, so a stream of writes does not
// delay a revocation.
constexpr int kVersionsARound = 16;

bool same_values(const ProvisionedVersion& left, const ProvisionedVersion& right) {
  return std::ranges::equal(
      left.values, right.values, [](const ProvisionedValue& a, const ProvisionedValue& b) {
        return a.key == b.key && a.written_by == b.written_by && a.value.same_content(b.value);
      });
}

}  // namespace

Provisioner::Provisioner(std::string region, Outbox& outbox, RegionStore& store,
                         std::function<void()> published, LeaseKeeper& lease, const Clock& clock,
                         const Log& log, ProvisionerOptions options)
    : region_(std::move(region)),
      outbox_(outbox),
      store_(store),
      published_(std::move(published)),
      lease_(lease),
      clock_(clock),
      log_(log),
      options_(options),
      lag_(clock) {}

void Provisioner::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto wait = work_once();
    std::unique_lock lock(mutex_);
    condition_.wait_for(lock, stop, wait, [this] { return awake_; });
    awake_ = false;
  }
}

void Provisioner::wake() {
  look_soon();
  outbox_.announce(region_);
}

void Provisioner::look_soon() {
  {
    const std::scoped_lock lock(mutex_);
    awake_ = true;
  }
  may_drop_ = true;
  condition_.notify_one();
}

void Provisioner::compare_soon() {
  to_compare_ = true;
  look_soon();
}

// Versions, the comparison and agents have separate pauses: a version that cannot be written (for
// example on a full disk) delays no revocation.
std::chrono::milliseconds Provisioner::work_once() {
  if (!begin_round()) return options_.idle_poll;
  const auto versions = provision_round();
  const auto comparison = compare_round();
  const auto agents = publish_round();
  lag_.round_ended();
  return std::min({versions, comparison, agents});
}

std::optional<std::chrono::milliseconds> Provisioner::lag() const {
  if (!lease_.term()) return std::nullopt;
  return lag_.now();
}

bool Provisioner::begin_round() {
  const auto term = lease_.term();
  if (!term) {
    lag_.begin();
    return false;
  }
  if (term_ != *term) {
    term_ = *term;
    to_compare_ = true;  // another process may have written to the region since the last term
  }
  return true;
}

bool Provisioner::is_taken_over(const Error& error) {
  if (error.code != ErrorCode::conflict) return false;
  lease_.give_up(term_);
  return true;
}

std::chrono::milliseconds Provisioner::provision_round() {
  if (const auto left = pause_left(versions_)) return *left;
  Step step = Step::done;
  for (int i = 0; i < kVersionsARound && step == Step::done; ++i) step = provision_next();
  if (step == Step::failed) return back_off(versions_);
  versions_ = {};
  if (step == Step::done) return {};  // more may be due
  return until_next_due();
}

std::chrono::milliseconds Provisioner::compare_round() {
  if (!to_compare_) return options_.idle_poll;
  if (const auto left = pause_left(comparison_)) return *left;
  to_compare_ = false;
  retained_.reset();
  may_drop_ = true;
  const auto repairs = make_region_agree(region_, outbox_, store_, term_);
  if (!repairs) {
    to_compare_ = true;
    if (!is_taken_over(repairs.error())) {
      log_.warning("comparing the region with the catalog failed",
                   {{"region", region_}, {"error", repairs.error().message}});
    }
    return back_off(comparison_);
  }
  comparison_ = {};
  if (*repairs == Repairs{}) return options_.idle_poll;
  log_.warning("the region and the catalog differed, as after a failover that lost commits",
               {{"region", region_},
                {"agents_published_again", repairs->published_again},
                {"agents_ended", repairs->ended_agents},
                {"versions_written_again", repairs->written_versions},
                {"versions_unreadable", repairs->unreadable_versions}});
  return options_.idle_poll;
}

std::chrono::milliseconds Provisioner::publish_round() {
  if (const auto left = pause_left(agents_)) return *left;
  auto finished = end_expired();
  if (finished) finished = publish_agents();
  if (finished) {
    lag_.succeeded(ProvisioningLag::Work::agents);
  } else {
    lag_.failed(ProvisioningLag::Work::agents);
  }
  // Before the comparison, an agent of lost commits may pin what the catalog does not need.
  if (finished && !to_compare_) finished = drop_unneeded();
  if (!finished && is_taken_over(finished.error())) return back_off(agents_);
  if (!finished) {
    log_.warning("publishing to the region failed",
                 {{"region", region_}, {"error", finished.error().message}});
    return back_off(agents_);
  }
  agents_ = {};
  return options_.idle_poll;
}

std::optional<std::chrono::milliseconds> Provisioner::pause_left(const Pause& pause) const {
  const auto now = clock_.monotonic();
  if (now >= pause.until) return std::nullopt;
  return pause.until - now;
}

std::chrono::milliseconds Provisioner::back_off(Pause& pause) {
  pause.length = pause.length.count() == 0 ? options_.first_backoff
                                           : std::min(pause.length * 2, options_.max_backoff);
  pause.until = clock_.monotonic() + pause.length;
  return pause.length;
}

std::chrono::milliseconds Provisioner::until_next_due() {
  const auto now = clock_.unix_time();
  auto due = outbox_.next_due(region_, now);
  if (!due || !due->next_at) return options_.idle_poll;
  return std::clamp(*due->next_at - now, std::chrono::milliseconds(0), options_.idle_poll);
}

Provisioner::Step Provisioner::provision_next() {
  auto due = outbox_.next_due(region_, clock_.unix_time());
  if (!due) {
    log_.warning("looking for versions to provision failed",
                 {{"region", region_}, {"error", due.error().message}});
    lag_.failed(ProvisioningLag::Work::versions);
    return Step::failed;
  }
  if (!due->version) {
    lag_.due(std::nullopt);
    if (!due->next_at) lag_.succeeded(ProvisioningLag::Work::versions);  // all versions are ready
    return Step::nothing_due;
  }
  const PendingVersion& version = *due->version;
  lag_.due(version.due_since);
  auto provisioned = provision(version);
  if (!provisioned) return note_version_failure(version, provisioned.error());
  lag_.succeeded(ProvisioningLag::Work::versions);
  return Step::done;
}

Provisioner::Step Provisioner::note_version_failure(const PendingVersion& version,
                                                    const Error& error) {
  if (is_taken_over(error)) return Step::failed;
  if (error.code != ErrorCode::untrusted) lag_.failed(ProvisioningLag::Work::versions);
  return settle_failure(version, error) ? Step::done : Step::failed;
}

Result<void> Provisioner::provision(const PendingVersion& version) {
  auto values = outbox_.read_version(version);
  if (!values && values.error().code == ErrorCode::not_found) return {};  // skipped, or deleted
  if (!values) return propagate(values, "read from the catalog");
  retained_.reset();  // if a write skips this version now, it must be dropped later
  if (auto ok = store_.put_set_version(*values, term_); !ok)
    return propagate(ok, "write to the region");
  if (auto ok = compare_with_region(*values); !ok) return propagate(ok, "read back");
  may_drop_ = true;
  auto ready = outbox_.mark_ready(version, term_);
  if (!ready) return propagate(ready, "mark ready");
  if (*ready) {
    log_.info("set version is ready", {{"region", region_},
                                       {"set", version.set_name},
                                       {"version", version.version},
                                       {"keys", values->values.size()}});
  }
  return {};
}

Result<void> Provisioner::compare_with_region(const ProvisionedVersion& written) {
  auto found = store_.read_set_version(written.set_id, written.version);
  if (!found) return propagate(found);
  if (*found && same_values(**found, written)) return {};
  return fail(ErrorCode::untrusted, "the region store does not hold what was written to it");
}

// True: the version is `failed` now, and the next version can be provisioned.
bool Provisioner::settle_failure(const PendingVersion& version, const Error& error) {
  log_.warning("provisioning failed", {{"region", region_},
                                       {"set", version.set_name},
                                       {"version", version.version},
                                       {"error", error.message}});
  const bool out_of_time = clock_.unix_time() - version.pending_since >= options_.budget;
  if (!out_of_time && error.code != ErrorCode::untrusted) return false;
  auto marked = outbox_.mark_failed(
      version, without_markup(fmt::format("region {}: {}", region_, error.message)), term_);
  if (marked) return true;
  if (is_taken_over(marked.error())) return false;
  log_.error("marking a version failed did not succeed",
             {{"set", version.set_name}, {"error", marked.error().message}});
  return false;
}

void Provisioner::publish_now() {
  auto published = publish_agents();
  if (published) return;
  log_.warning("publishing to the region failed; it will be retried",
               {{"region", region_}, {"error", published.error().message}});
  wake();
}

// Tries every agent, also after an error. Returns the first error.
Result<void> Provisioner::publish_agents() {
  const std::scoped_lock lock(publishing_);
  Result<void> outcome;
  std::int64_t after_id = 0;
  for (;;) {
    auto snapshots = outbox_.unpublished_agents(region_, after_id, kAgentsAtOnce);
    if (!snapshots) return propagate(snapshots, "read agents");
    if (snapshots->empty()) return outcome;
    for (const AgentSnapshot& snapshot : *snapshots) {
      auto published = publish(snapshot);
      if (!published && outcome) outcome = propagate(published, "agent " + snapshot.agent);
    }
    after_id = snapshots->back().agent_id;
  }
}

// Watches are woken before the catalog has the confirmation, because they read the region's store.
Result<void> Provisioner::publish(const AgentSnapshot& snapshot) {
  if (auto ok = store_.put_agent(snapshot); !ok) return ok;
  published_();
  may_drop_ = true;
  return outbox_.mark_published(snapshot.agent_id, snapshot.revision);
}

// Before agents are published, so that the region hears of it in this round.
Result<void> Provisioner::end_expired() {
  const auto now = clock_.monotonic();
  if (now < expiry_at_) return {};
  auto ended = outbox_.end_expired(region_, clock_.unix_time(), term_);
  if (!ended) return propagate(ended, "end expired credentials");
  expiry_at_ = now + options_.expiry;
  return {};
}

// Reads the whole list of versions, so it does not run at every idle poll. After a failure it runs
// again in the next round.
Result<void> Provisioner::drop_unneeded() {
  const auto now = clock_.monotonic();
  if (!may_drop_.exchange(false) && now < sweep_at_) return {};
  auto dropped = retain_only_needed();
  if (dropped) sweep_at_ = now + options_.sweep;
  if (!dropped) may_drop_ = true;
  return dropped;
}

Result<void> Provisioner::retain_only_needed() {
  auto versions = outbox_.retained_versions(region_);
  if (!versions) return propagate(versions, "list versions to keep");
  if (retained_ == *versions) return {};
  if (auto ok = store_.retain_only(*versions, term_); !ok)
    return propagate(ok, "drop old versions");
  if (auto ok = outbox_.drop_unneeded_values(region_, term_); !ok) return propagate(ok);
  retained_ = std::move(*versions);
  return {};
}

}  // namespace agent_secrets::control_plane
