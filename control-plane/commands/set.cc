// `set status NAME`: a set, and which instances have which version. `set wait NAME`: for pipelines,
// which deploy what they have just written. `set protect NAME` and `set unprotect NAME`.

#include <algorithm>
#include <chrono>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/fleet_text.h"
#include "control-plane/commands/groups.h"
#include "control-plane/fleet/fleet_json.h"

namespace agent_secrets::control_plane {
namespace {

struct SetStatusOptions {
  DataOptions data;
  std::string organization;
  std::string name;
  bool json = false;
};

struct ProtectOptions {
  DataOptions data;
  std::string organization;
  std::string name;
};

struct WaitOptions {
  DataOptions data;
  std::string organization;
  std::string name;
  std::uint64_t timeout_s = 60;
};

Result<void> show_set_status(const SetStatusOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  auto set = stores->catalog->sets.find(organization->id, options.name);
  if (!set) return propagate(set);
  if (!*set) return fail(ErrorCode::not_found, "no set '" + options.name + "'");
  auto region = stores->region((*set)->region);
  if (!region) return propagate(region);
  const auto now = clock.unix_time();
  auto usage = read_set_usage(*stores->catalog, *(*region)->store, *organization, **set, now);
  if (!usage) return propagate(usage);
  if (options.json) return print(json_line(set_usage_json(*usage)));
  return print(set_status_text(*usage, now, output_style()));
}

Result<void> protect_set(const ProtectOptions& options, const Clock& clock) {
  auto place = open_organization(options.data, options.organization, clock);
  if (!place) return propagate(place);
  auto done =
      place->stores.catalog->sets.protect(host_actor(), place->organization.id, options.name);
  if (!done) return propagate(done, "protect set '" + options.name + "'");
  note("from now on only an admin can give set '" + options.name +
       "' to an agent that has not had it");
  return {};
}

Result<void> unprotect_set(const ProtectOptions& options, const Clock& clock) {
  auto place = open_organization(options.data, options.organization, clock);
  if (!place) return propagate(place);
  auto done =
      place->stores.catalog->sets.unprotect(host_actor(), place->organization.id, options.name);
  if (!done) return propagate(done, "unprotect set '" + options.name + "'");
  note("from now on any member can give set '" + options.name + "' to any agent");
  return {};
}

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

// Prints each version and status once.
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

// kExitOk when the newest version is ready, kExitSetFailed, or kExitWaitTimedOut; the reason goes
// to standard error. When another version is written meanwhile, the command waits for that version.
Result<ExitCode> wait_for_set(const WaitOptions& options, Clock& clock) {
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

void declare_wait(const Declarations& group) {
  const auto wait = group.command(
      "wait", "Wait until a set's newest version is ready", wait_for_set,
      {.examples = {{"secret-control-plane set wait my-bot-secrets --timeout 2m",
                     "Wait in a pipeline, between secrets set and deploy"},
                    {"secret-control-plane set wait my-bot-secrets --timeout 0", "Look once"}},
       .text = "Takes image pull secrets too. Prints progress on a terminal, and in a pipe only "
               "failures.",
       .exit_codes = {
           {fmt::to_string(static_cast<int>(kExitOk)), "The newest version is ready"},
           {fmt::to_string(static_cast<int>(kExitFailed)),
            "Any other failure, such as an unknown set"},
           {fmt::to_string(static_cast<int>(kExitUsage)), "The command line makes no sense"},
           {fmt::to_string(static_cast<int>(kExitSetFailed)),
            "The region could not store the newest version"},
           {fmt::to_string(static_cast<int>(kExitWaitTimedOut)),
            "The newest version is still pending after the timeout"}}});
  wait.argument("name", wait->name, "the set");
  wait.duration("--timeout", wait->timeout_s, {.least = 0, .most = 86'400},
                "such as 90s, 5m or 1h; 0 looks once");
  add_organization(wait);
}

void declare_protection(const Declarations& group) {
  const auto protect = group.command(
      "protect", "Let only admins give a set to an agent that has not had it", protect_set,
      {.text = "Every holder of an agent's credential can read the sets of the agent. "
               "Agents that have had the set keep it, and members deploy them as before."});
  protect.argument("name", protect->name, "the set");
  add_organization(protect);

  const auto unprotect =
      group.command("unprotect", "Let members give a set to any agent again", unprotect_set);
  unprotect.argument("name", unprotect->name, "the set");
  add_organization(unprotect);
}

}  // namespace

void declare_set(const Declarations& declare) {
  const Declarations group = declare.group(
      "set", "Print and wait for the state of secret sets, and protect them",
      {.examples = {{"secret-control-plane set status my-bot-secrets",
                     "Print who runs which version, and which old keys may be revoked"},
                    {"secret-control-plane set wait my-bot-secrets",
                     "Wait until it can be deployed"},
                    {"secret-control-plane set protect production",
                     "Let only admins give it to further agents"}},
       .text = "Sets are written with the official CLI: pipecat cloud secrets set.",
       .reading = {{"docs/fleet.md", "When a version is safe to revoke"}}});
  const auto status =
      group.command("status", "Print which instances run which version, and which may be revoked",
                    show_set_status);
  status.argument("name", status->name, "the set");
  add_json(status);
  add_organization(status);
  declare_wait(group);
  declare_protection(group);
}

}  // namespace agent_secrets::control_plane
