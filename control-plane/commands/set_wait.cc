#include "control-plane/commands/set_wait.h"

#include <algorithm>
#include <chrono>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "control-plane/commands/admin.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{100};
constexpr milliseconds kLongestPause{500};

std::string status_line(const SecretSet& set) {
  return fmt::format("set '{}' version {} is {}", set.name, set.version, to_string(set.status));
}

ExitCode complain(ExitCode code, const SecretSet& set, std::string reason, std::string hint) {
  const Error error{.code = ErrorCode::failed,
                    .message = status_line(set) + std::move(reason),
                    .hint = std::move(hint)};
  (void)std::fputs(describe("secret-control-plane", error).c_str(), stderr);
  return code;
}

// Says each version and status once.
class Progress {
 public:
  void show(const SecretSet& set) {
    const std::string line = status_line(set);
    if (visible_ && line != shown_) note(line);
    shown_ = line;
  }

 private:
  bool visible_ = ::isatty(STDERR_FILENO) == 1;
  std::string shown_;
};

Result<SecretSet> read_set(Catalog& catalog, const Organization& organization,
                           const std::string& name) {
  auto set = catalog.sets.find(organization.id, name);
  if (!set) return propagate(set);
  if (*set) return std::move(**set);
  return fail(ErrorCode::not_found, "no set '" + name + "'",
              "pipecat cloud secrets list shows those that there are");
}

}  // namespace

Result<ExitCode> wait_for_set(const SetWaitOptions& options, Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  const milliseconds deadline = clock.monotonic() + std::chrono::seconds(options.timeout_s);
  Progress progress;
  for (milliseconds pause = kFirstPause;; pause = std::min(pause * 3 / 2, kLongestPause)) {
    auto set = read_set(*stores->catalog, *organization, options.name);
    if (!set) return propagate(set);
    progress.show(*set);
    if (set->status == SetStatus::ready) return kExitOk;
    if (set->status == SetStatus::failed) {
      return complain(kExitSetFailed, *set, ": " + set->error_message, "");
    }
    const milliseconds left = deadline - clock.monotonic();
    if (left <= milliseconds(0)) {
      return complain(kExitWaitTimedOut, *set, fmt::format(" after {} s", options.timeout_s),
                      "Is secret-control-plane serve running? It brings versions to their region.");
    }
    clock.sleep_for(std::min(pause, left));
  }
}

}  // namespace agent_secrets::control_plane
