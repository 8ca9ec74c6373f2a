#include "control-plane/instance-api/routes.h"

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "control-plane/instance-api/answers.h"
#include "control-plane/instance-api/bundle.h"
#include "control-plane/instance-api/watch.h"
#include "core/limits.h"
#include "core/printable.h"

namespace agent_secrets::control_plane {

namespace {

HeardInstance report_of(const Caller& caller, const Request& request, const Clock& clock) {
  const InstanceReport& report = caller.claims.report;
  return {.agent_id = caller.owner.agent_id,
          .instance = report.instance_id,
          .sequence = report.running_sequence,
          .kid = caller.owner.credential.kid,
          .active_sessions = report.active_sessions,
          .at = clock.unix_time() - request.waited};
}

std::string_view purpose_of(const Request& request) {
  const auto purpose = request.query.find("purpose");
  return purpose == request.query.end() ? std::string_view() : std::string_view(purpose->second);
}

// `secret-injector check` and `env` start no bot, and a one-shot command is not an instance: the
// record of a running instance with this id stays valid. Any other purpose counts as a start, so
// that no instance is missed.
bool starts_an_instance(std::string_view purpose) {
  return purpose != "check" && purpose != "one-shot";
}

// Of a refusal, the sequence is that of the agent, or 0.
AuditEntry entry_of_bundle(const Request& request, const Caller& caller, const BundleAnswer& answer,
                           const Clock& clock) {
  const std::optional<AgentSnapshot>& agent = caller.parts->agent;
  // The client chooses it, and a database may refuse some bytes.
  const std::string purpose = printable(purpose_of(request));
  AuditEntry entry = entry_of({.kind = ActorKind::credential,
                               .id = caller.owner.credential.kid,
                               .name = agent ? agent->agent : "",
                               .address = request.address},
                              clock.unix_time());
  if (agent) entry.organization = agent->organization;
  entry.action = "bundle.get";
  entry.object = fmt::format("agent {}", agent ? agent->agent : "");
  entry.detail =
      fmt::format("sequence {}, instance {}{}{}", answer.sequence, caller.claims.report.instance_id,
                  purpose.empty() ? "" : ", purpose ", purpose);
  if (answer.response.status != 200) {
    entry.outcome = kAuditRefused;
    entry.detail += fmt::format(", status {}", answer.response.status);
  }
  return entry;
}

Admitted admitted(const Caller& caller, Handler handle) {
  return {.account = "credential " + caller.owner.credential.kid,
          .handle = std::move(handle),
          .body_max = limits::kInstanceBody};
}

}  // namespace

InstanceApi::InstanceApi(InstanceRegions regions, std::vector<std::string> public_urls,
                         const Clock& clock, const Log& log)
    : authenticator_(std::move(regions), std::move(public_urls), clock, log),
      clock_(clock),
      log_(log) {}

Response InstanceApi::bundle(const Request& request) {
  auto caller = authenticator_.authenticate_for_bundle(request);
  if (!caller) return std::move(caller.error());
  Outcome outcome = bundle_for(request, std::make_shared<const Caller>(std::move(*caller)));
  if (auto* response = std::get_if<Response>(&outcome)) return std::move(*response);
  std::promise<Response> answer;
  const Later::Rest rest = std::get<Later>(outcome).start(
      [&answer](Response response) { answer.set_value(std::move(response)); });
  while (rest && rest()) {
  }
  return answer.get_future().get();
}

Outcome InstanceApi::watch(const Request& request) const {
  auto caller = authenticator_.authenticate(request);
  if (!caller) return std::move(caller.error());
  return watch_for(request, *caller);
}

// Has nothing of the request, which may have ended when the record is written.
struct InstanceApi::Unrecorded {
  std::shared_ptr<const Caller> caller;
  Response response;
  AuditEntry entry;
  bool is_bundle = false;
  std::optional<HeardInstance> started = {};  // the instance that starts with the bundle
};

// The bundle, if its record is written; else the refusal.
Response InstanceApi::recorded(Unrecorded& made, const Result<void>& written) const {
  const Caller& caller = *made.caller;
  if (!written) {
    log_.error("bundle refused: its audit record cannot be written",
               {{"region", caller.region.code}, {"cause", written.error().message}});
    return unavailable();
  }
  InstanceRecorder& recorder = caller.region.recorder;
  // Records the use for requests of every purpose: a check reads the values too.
  if (made.is_bundle) recorder.used(caller.owner.agent_id, caller.owner.credential.kid);
  if (made.started) recorder.heard(std::move(*made.started));
  return std::move(made.response);
}

Outcome InstanceApi::bundle_for(const Request& request,
                                const std::shared_ptr<const Caller>& caller) {
  BundleAnswer answer = answer_bundle(*caller, sealed_blocks_, clock_, log_);
  AuditEntry entry = entry_of_bundle(request, *caller, answer, clock_);
  auto made = std::make_shared<Unrecorded>(Unrecorded{.caller = caller,
                                                      .response = std::move(answer.response),
                                                      .entry = std::move(entry),
                                                      .is_bundle = answer.sequence > 0});
  const std::string_view purpose = purpose_of(request);
  if (made->is_bundle && starts_an_instance(purpose)) {
    HeardInstance& report = made->started.emplace(report_of(*caller, request, clock_));
    report.sequence = answer.sequence;
    report.started = true;
    report.developers_run = purpose == "develop";
  }
  BundleAudit& audit = caller->region.audit;
  if (audit.is_deferred()) {
    audit.record_later(std::move(made->entry));
    return recorded(*made, {});
  }
  return Later{.start = [this,
                         made](std::move_only_function<void(Response)> answer_with) -> Later::Rest {
    BundleAudit& records = made->caller->region.audit;
    const bool must_write = records.record(
        std::move(made->entry),
        [this, made, answer_with = std::move(answer_with)](const Result<void>& written) mutable {
          answer_with(recorded(*made, written));
        });
    if (!must_write) return {};
    return [made, &records] { return records.write_waiting(); };
  }};
}

Outcome InstanceApi::watch_for(const Request& request, const Caller& caller) const {
  // Otherwise the holder of a revoked credential could report instances that do not exist.
  if (request.waited.count() == 0 && !caller.owner.credential.revoked) {
    HeardInstance report = report_of(caller, request, clock_);
    report.watched = true;
    caller.region.recorder.used(report.agent_id, report.kid);
    caller.region.recorder.heard(std::move(report));
  }
  return answer_watch(request, caller, clock_, log_);
}

// The Caller is shared, because a copy would copy every value of the bundle's parts.
Admission InstanceApi::admit_bundle(const Request& request) {
  auto caller = authenticator_.authenticate_for_bundle(request);
  if (!caller) return std::move(caller.error());
  const auto kept = std::make_shared<const Caller>(std::move(*caller));
  return admitted(*kept, [this, kept](const Request& whole) { return bundle_for(whole, kept); });
}

Admission InstanceApi::admit_watch(const Request& request) const {
  auto caller = authenticator_.authenticate(request);
  if (!caller) return std::move(caller.error());
  const auto kept = std::make_shared<const Caller>(std::move(*caller));
  return admitted(*kept, [this, kept](const Request& whole) { return watch_for(whole, *kept); });
}

void add_instance_routes(Router& router, InstanceApi& api) {
  router.add("GET", "/instance/v1/bundle",
             [&api](const Request& request) { return api.admit_bundle(request); });
  router.add("GET", "/instance/v1/watch",
             [&api](const Request& request) { return api.admit_watch(request); });
}

}  // namespace agent_secrets::control_plane
