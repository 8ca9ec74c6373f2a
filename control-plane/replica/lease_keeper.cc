#include "control-plane/replica/lease_keeper.h"

#include <array>
#include <climits>
#include <utility>

#include <fmt/format.h>
#include <sodium.h>
#include <unistd.h>

#include "core/threads.h"

namespace agent_secrets::control_plane {

using std::chrono::milliseconds;

std::string random_holder() {
  std::array<char, HOST_NAME_MAX + 1> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host = {};
  return fmt::format("{}-{:08x}", host.data(), randombytes_random());
}

LeaseKeeper::LeaseKeeper(std::string work, Leases& leases, const Clock& clock, const Log& log,
                         LeaseOptions options)
    : work_(std::move(work)),
      leases_(leases),
      clock_(clock),
      log_(log),
      options_(std::move(options)) {}

LeaseKeeper::~LeaseKeeper() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  release();
}

Result<void> LeaseKeeper::start() {
  work_once();
  auto thread =
      start_thread<std::jthread>("a lease", [this](const std::stop_token& stop) { run(stop); });
  if (!thread) return propagate(thread);
  thread_ = std::move(*thread);
  return {};
}

void LeaseKeeper::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const milliseconds wait = work_once();
    std::unique_lock lock(mutex_);
    condition_.wait_for(lock, stop, wait, [this] { return awake_; });
    awake_ = false;
  }
}

std::optional<LeaseTerm> LeaseKeeper::term() const {
  const std::scoped_lock lock(mutex_);
  if (!held_ || clock_.monotonic() >= held_->trusted_until) return std::nullopt;
  return held_->term;
}

void LeaseKeeper::give_up(const LeaseTerm& term) {
  if (!lose(term)) return;
  {
    const std::scoped_lock lock(mutex_);
    awake_ = true;
  }
  condition_.notify_one();
}

milliseconds LeaseKeeper::work_once() {
  std::optional<Held> held;
  {
    const std::scoped_lock lock(mutex_);
    held = held_;
  }
  if (held && clock_.monotonic() < held->trusted_until) return renew(held->term);
  if (held) lose(held->term);
  return take();
}

milliseconds LeaseKeeper::take() {
  const milliseconds sent = clock_.monotonic();
  auto taken = leases_.take({.work = work_,
                             .holder = options_.holder,
                             .time = options_.time,
                             .at_once = options_.scope == LeaseScope::data_directory});
  if (!taken) {
    log_.warning("a lease cannot be taken", {{"work", work_}, {"cause", taken.error().message}});
    return limits::kLeaseRetry;
  }
  if (const auto* term = std::get_if<LeaseTerm>(&*taken)) {
    other_.clear();
    log_.info("lease taken", {{"work", work_}, {"fence", term->fence}});
    const std::scoped_lock lock(mutex_);
    hold(Held{.term = *term, .trusted_until = trusted_from(sent)});
    return limits::kLeaseRenewal;
  }
  const std::string& holder = std::get<std::string>(*taken);
  if (std::exchange(other_, holder) != holder) {
    log_.info("another process has the lease", {{"work", work_}, {"holder", holder}});
  }
  return limits::kLeaseRetry;
}

milliseconds LeaseKeeper::renew(const LeaseTerm& term) {
  if (options_.scope == LeaseScope::data_directory) return limits::kLeaseRenewal;
  const milliseconds sent = clock_.monotonic();
  auto renewed = leases_.renew(term, options_.time);
  if (!renewed) {  // the term ends by itself unless a later attempt succeeds
    log_.warning("a lease cannot be renewed",
                 {{"work", work_}, {"cause", renewed.error().message}});
    return limits::kLeaseRetry;
  }
  if (*renewed && extend(term, trusted_from(sent))) return limits::kLeaseRenewal;
  lose(term);
  return milliseconds(0);
}

milliseconds LeaseKeeper::trusted_from(milliseconds sent) const {
  if (options_.scope == LeaseScope::data_directory) return milliseconds::max();
  return sent + options_.trust;
}

// False: the term has ended while its renewal was under way.
bool LeaseKeeper::extend(const LeaseTerm& term, milliseconds trusted_until) {
  const std::scoped_lock lock(mutex_);
  const bool goes_on = held_ && held_->term == term && clock_.monotonic() < held_->trusted_until;
  if (goes_on) hold(Held{.term = term, .trusted_until = trusted_until});
  return goes_on;
}

// False: it was lost already.
bool LeaseKeeper::lose(const LeaseTerm& term) {
  {
    const std::scoped_lock lock(mutex_);
    if (!held_ || held_->term != term) return false;
    hold(std::nullopt);
  }
  log_.warning("lease lost", {{"work", work_}, {"fence", term.fence}});
  return true;
}

void LeaseKeeper::release() {
  std::optional<Held> ended;
  {
    const std::scoped_lock lock(mutex_);
    ended = held_;
    hold(std::nullopt);
  }
  if (!ended) return;
  auto released = leases_.release(ended->term);
  if (released) return;
  log_.warning("a lease cannot be released: it ends by itself",
               {{"work", work_}, {"cause", released.error().message}});
}

// Under the lock.
void LeaseKeeper::hold(std::optional<Held> held) {
  held_ = std::move(held);
  if (options_.on_change) options_.on_change(held_ ? held_->trusted_until : milliseconds(0));
}

}  // namespace agent_secrets::control_plane
