#include "control-plane/http/failed_authentications.h"

#include <algorithm>
#include <utility>

#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::chrono::seconds kMinute{60};
constexpr std::chrono::seconds kSweepEvery{5};  // a sweep checks every entry

}  // namespace

// Null: the table is full.
FailedAuthentications::Minute* FailedAuthentications::find(Table& table, const std::string& name,
                                                           Time now) {
  const auto found = table.find(name);
  if (found != table.end() && now < found->second.ends) return &found->second;
  if (found == table.end() && table.size() >= limits::kFailureEntries) return nullptr;
  Minute& minute = table[name];
  minute = {.ends = now + kMinute};
  return &minute;
}

std::optional<std::chrono::seconds> FailedAuthentications::count(const std::string& address,
                                                                 const FailedAuthentication& failed,
                                                                 Time now) {
  if (now >= next_sweep_) sweep(now);
  std::optional<std::chrono::seconds> wait;
  const auto add_to = [&](Minute& minute) {
    if (++minute.failures <= limits::kFailuresPerMinute) return;
    wait = std::max(wait.value_or(std::chrono::seconds(1)),
                    std::chrono::ceil<std::chrono::seconds>(minute.ends - now));
  };
  // Only existing key ids are counted: a client can invent any number of others.
  if (failed.kid_known) {
    if (Minute* minute = find(kids_, failed.kid, now)) add_to(*minute);
  }
  Minute* minute = find(addresses_, address, now);
  if (minute == nullptr) {
    ++untracked_;
    return wait;
  }
  add_to(*minute);
  minute->kid = failed.kid;
  if (minute->logged == 0 && may_log(now)) {
    minute->logged = 1;
    log_.warning("authentication failed", {{"address", address}, {"kid", failed.kid}});
  }
  return wait;
}

void FailedAuthentications::sweep(Time now) {
  next_sweep_ = now + kSweepEvery;
  std::int64_t others = std::exchange(untracked_, 0);
  std::erase_if(addresses_, [&](const auto& entry) {
    const auto& [address, minute] = entry;
    if (now < minute.ends) return false;
    const std::int64_t more = minute.failures - minute.logged;
    if (more > 0 && may_log(now)) {
      log_.warning("more authentications failed in the last minute",
                   {{"address", address}, {"kid", minute.kid}, {"more", more}});
    } else {
      others += more;
    }
    return true;
  });
  std::erase_if(kids_, [&](const auto& entry) { return now >= entry.second.ends; });
  if (others > 0) {
    log_.warning("more authentications failed in the last minute",
                 {{"address", "others"}, {"more", others}});
  }
}

bool FailedAuthentications::may_log(Time now) {
  if (now >= lines_until_) {
    lines_until_ = now + kMinute;
    lines_ = 0;
  }
  return lines_++ < limits::kFailureLines;
}

}  // namespace agent_secrets::control_plane
