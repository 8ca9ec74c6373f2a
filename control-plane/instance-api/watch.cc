#include "control-plane/instance-api/watch.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <sodium.h>

#include "control-plane/fleet/instance_state.h"
#include "control-plane/instance-api/answers.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

json::value describe_running(const std::optional<Release>& running) {
  if (!running || running->deployment_id.empty()) return nullptr;
  json::array sets;
  for (const PinnedSet& set : running->sets) {
    sets.push_back({{"name", set.name}, {"version", set.version}});
  }
  return {{"sequence", running->sequence},
          {"deployment", running->deployment_id},
          {"sets", std::move(sets)}};
}

json::value describe_latest(const AgentSnapshot& snapshot) {
  if (snapshot.deleted || snapshot.deployment_id.empty()) return nullptr;
  json::array sets;
  for (const PinnedSet& set : snapshot.sets) {
    json::array keys(set.changed_keys.begin(), set.changed_keys.end());
    sets.push_back({{"name", set.name},
                    {"version", std::max(set.version, set.latest_version)},
                    {"changed_keys", std::move(keys)}});
  }
  return {{"sequence", snapshot.sequence},
          {"deployment", snapshot.deployment_id},
          {"sets", std::move(sets)}};
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes the next element off a comma-separated list.
std::string_view next_element(std::string_view& list) {
  const auto comma = list.find(',');
  const std::string_view element = trim(list.substr(0, comma));
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  return element;
}

// The caller's credential was read when the request arrived. A parked watch learns of a later
// revocation from the snapshot, and of an expiry from the clock.
bool revoked(const Caller& caller, const std::optional<AgentSnapshot>& snapshot,
             const Clock& clock) {
  const AgentCredentialRecord& credential = caller.owner.credential;
  const bool has_expired = credential.expires_at && *credential.expires_at <= clock.unix_time();
  return credential.revoked || has_expired || is_revoked(snapshot, credential.kid);
}

struct Evaluation {
  std::string body;
  std::string tag;
  bool revoked = false;
};

Result<AgentFacts> read_facts(RegionStore& store, const SharedFacts::Subject& subject) {
  const auto [agent_id, sequence] = subject;
  auto snapshot = store.find_agent(agent_id);
  if (!snapshot) return propagate(snapshot, "find agent");
  Result<std::optional<Release>> running = std::optional<Release>();
  if (sequence > 0) running = store.find_release(agent_id, sequence);
  if (!running) return propagate(running, "find release");
  if (*snapshot) {
    auto compared = compare_with_running(store, **snapshot, *running);
    if (!compared) return propagate(compared, "compare versions");
  }
  std::string body = watch_body(false, sequence, *snapshot, *running);
  std::string tag = entity_tag(body);
  return AgentFacts{.snapshot = std::move(*snapshot),
                    .running = std::move(*running),
                    .body = std::move(body),
                    .entity_tag = std::move(tag)};
}

Evaluation evaluate(const Caller& caller, const AgentFacts& facts, const Clock& clock) {
  if (!revoked(caller, facts.snapshot, clock)) {
    return {.body = facts.body, .tag = facts.entity_tag};
  }
  std::string body =
      watch_body(true, caller.claims.report.running_sequence, facts.snapshot, facts.running);
  std::string tag = entity_tag(body);
  return {.body = std::move(body), .tag = std::move(tag), .revoked = true};
}

SharedFacts::Subject subject_of(const Caller& caller) {
  return {caller.owner.agent_id, caller.claims.report.running_sequence};
}

Result<Evaluation> evaluate_now(const Caller& caller, const Clock& clock) {
  auto facts = read_facts(caller.region.store, subject_of(caller));
  if (!facts) return propagate(facts);
  return evaluate(caller, *facts, clock);
}

Result<Evaluation> evaluate_shared(const Caller& caller, std::uint64_t generation,
                                   const Clock& clock) {
  const auto subject = subject_of(caller);
  auto shared = caller.region.facts.find(subject, generation,
                                         [&] { return read_facts(caller.region.store, subject); });
  if (!shared) return propagate(shared);
  return evaluate(caller, **shared, clock);
}

Response respond(int status, Evaluation evaluation, std::optional<std::chrono::seconds> wait) {
  Response response{
      .status = status,
      .body = status == 200 ? std::move(evaluation.body) : std::string(),
      .headers = {{"ETag", std::move(evaluation.tag)}, {"Cache-Control", "no-store"}}};
  if (wait) {
    response.headers.emplace_back("Preference-Applied", fmt::format("wait={}", wait->count()));
  }
  return response;
}

// How long the client still waits, and the wait that it prefers.
struct Patience {
  explicit Patience(const Request& request)
      : preferred(preferred_wait(request.header("prefer"))),
        left(preferred.value_or(std::chrono::seconds(0)) - request.waited) {}

  std::optional<std::chrono::seconds> preferred;
  std::chrono::milliseconds left;
};

// The answer to a watch that was woken, if another watch has read it already: a change wakes
// thousands of watches at once.
std::optional<Response> answer_at_hand(const Request& request, const Caller& caller,
                                       const Clock& clock) {
  const Patience patience(request);
  if (patience.left <= std::chrono::milliseconds(0)) return std::nullopt;
  const std::uint64_t generation = caller.region.hub.generation(caller.owner.agent_id);
  const auto facts = caller.region.facts.find_kept(subject_of(caller), generation);
  if (facts == nullptr || revoked(caller, facts->snapshot, clock)) return std::nullopt;
  if (names_entity_tag(request.header("if-none-match"), facts->entity_tag)) return std::nullopt;
  return respond(200, {.body = facts->body, .tag = facts->entity_tag}, patience.preferred);
}

// The functions of the Wait have a copy of the Caller, which keeps its region.
Wait park(const Caller& caller, std::uint64_t generation, std::chrono::milliseconds at_most,
          const Clock& clock, const Log& log) {
  const auto parked = std::make_shared<const Caller>(caller);
  return Wait{
      .at_most = at_most,
      .subscribe =
          [parked, generation](std::function<void()> wake) {
            const std::int64_t agent_id = parked->owner.agent_id;
            const auto id = parked->region.hub.subscribe(agent_id, generation, std::move(wake));
            return [parked, agent_id, id] { parked->region.hub.unsubscribe(agent_id, id); };
          },
      .again = [parked, &clock, &log](
                   const Request& request) { return answer_watch(request, *parked, clock, log); },
      .at_hand = [parked, &clock](
                     const Request& request) { return answer_at_hand(request, *parked, clock); }};
}

}  // namespace

std::string watch_body(bool is_revoked, std::int64_t sequence,
                       const std::optional<AgentSnapshot>& snapshot,
                       const std::optional<Release>& running) {
  const std::string_view state = instance_state(snapshot, is_revoked, sequence, running);
  const bool tell = snapshot && state != "revoked";
  json::object body;
  body["state"] = json::string_view(state.data(), state.size());
  body["organization"] = nullptr;
  body["agent"] = nullptr;
  if (snapshot) {
    body["organization"] = snapshot->organization;
    body["agent"] = snapshot->agent;
  }
  body["sequence"] = tell ? snapshot->sequence : 0;
  body["running"] = tell ? describe_running(running) : nullptr;
  body["latest"] = tell ? describe_latest(*snapshot) : nullptr;
  return json::serialize(body);
}

std::string entity_tag(std::string_view body) {
  std::array<unsigned char, 16> hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(body.data()),
                     body.size(), nullptr, 0);
  return fmt::format("\"{:02x}\"", fmt::join(hash, ""));
}

std::optional<std::chrono::seconds> preferred_wait(std::string_view prefer) {
  while (!prefer.empty()) {
    std::string_view preference = next_element(prefer);
    preference = trim(preference.substr(0, preference.find(';')));
    if (!preference.starts_with("wait=")) continue;
    preference.remove_prefix(5);
    std::uint32_t seconds = 0;
    const char* end = std::to_address(preference.end());
    const auto [stop, error] = std::from_chars(std::to_address(preference.begin()), end, seconds);
    if (error != std::errc() || stop != end) return std::nullopt;
    return std::min(std::chrono::seconds(seconds), limits::kWatchWaitMax);
  }
  return std::nullopt;
}

bool names_entity_tag(std::string_view if_none_match, std::string_view tag) {
  while (!if_none_match.empty()) {
    std::string_view candidate = next_element(if_none_match);
    if (candidate == "*") return true;
    if (candidate.starts_with("W/")) candidate.remove_prefix(2);
    if (candidate == tag) return true;
  }
  return false;
}

Outcome answer_watch(const Request& request, const Caller& caller, const Clock& clock,
                     const Log& log) {
  ChangeHub& hub = caller.region.hub;
  // The generation is read before the store: a change after this line increments it, and
  // subscribe() then wakes at once. In the other order a change could be missed.
  const std::uint64_t generation = hub.generation(caller.owner.agent_id);
  const Patience patience(request);
  const bool may_wait = patience.left > std::chrono::milliseconds(0) && !request.must_answer;
  const std::string_view known = request.header("if-none-match");
  const bool was_parked = request.waited.count() > 0;
  // Shared facts may be older than what a new request knows: they may say that it waits, but do not
  // answer it. A watch at its end reads the store too, because it is not woken again.
  const bool may_share = may_wait && (was_parked || !known.empty());
  auto evaluation =
      may_share ? evaluate_shared(caller, generation, clock) : evaluate_now(caller, clock);
  if (may_share && !was_parked && evaluation && !names_entity_tag(known, evaluation->tag)) {
    evaluation = evaluate_now(caller, clock);
  }
  if (!evaluation) {
    log.error("watch", {{"region", caller.region.code}, {"cause", evaluation.error().message}});
    return unavailable();
  }
  if (!names_entity_tag(known, evaluation->tag)) {
    return respond(200, std::move(*evaluation), patience.preferred);
  }
  // The client already knows that its credential is revoked. It gets no other information, so it
  // must not wait.
  if (evaluation->revoked) return refuse(403, "revoked", "this credential has been revoked");
  if (may_wait) {
    return park(caller, generation, patience.left, clock, log);
  }
  return respond(304, std::move(*evaluation), patience.preferred);
}

}  // namespace agent_secrets::control_plane
