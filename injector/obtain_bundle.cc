#include "injector/obtain_bundle.h"

#include <fmt/format.h>

#include "injector/duration.h"

namespace agent_secrets {
namespace {

bool may_fall_back(ErrorCode code) {
  return code == ErrorCode::unreachable || code == ErrorCode::timed_out ||
         code == ErrorCode::unavailable;
}

std::chrono::seconds now(Clock& clock) {
  return std::chrono::floor<std::chrono::seconds>(clock.unix_time());
}

// The state of the cache before the fetch.
struct CacheState {
  std::optional<FetchedBundle> bundle;
  std::optional<Error> fault;  // why the cache cannot be used
};

CacheState look_at(Result<BundleCache>& cache) {
  if (!cache) return {.bundle = {}, .fault = cache.error()};
  auto loaded = cache->load();
  if (!loaded) return {.bundle = {}, .fault = std::move(loaded.error())};
  return {.bundle = std::move(*loaded), .fault = {}};
}

bool would_serve(const CacheState& state, const CachePolicy& policy, Clock& clock) {
  return state.bundle && age_of(state.bundle->verified.facts, now(clock), policy.max_age);
}

Result<ObtainedBundle> fall_back(Error cause, CacheState state, const CachePolicy& policy,
                                 Clock& clock, const Log& log) {
  if (state.fault) {
    return fail(
        cause.code,
        fmt::format("{}; and the cache cannot be used: {}", cause.message, state.fault->message),
        state.fault->hint);
  }
  if (!state.bundle) {
    cause.message += "; and the cache is empty";
    return std::unexpected(std::move(cause));
  }
  const BundleFacts& facts = state.bundle->verified.facts;
  const auto age = age_of(facts, now(clock), policy.max_age);
  if (!age) {
    return fail(age.error().code, fmt::format("{}; and {}", cause.message, age.error().message),
                age.error().hint);
  }
  log.warning("the control plane cannot be reached: starting with the cached secrets",
              {{"cause", cause.message},
               {"age", format_duration(*age)},
               {"sequence", facts.sequence},
               {"versions", list_versions(facts.sets)}});
  return ObtainedBundle{.verified = std::move(state.bundle->verified), .from_cache = true};
}

void warn_of_unusable_cache(const Error& fault, const Log& log) {
  log.warning(
      "the cache cannot be used: no start without the control plane, no memory against roll-back",
      {{"cause", fault.message}, {"hint", fault.hint}});
}

// Returns an error only if the bundle must not be used, or if the cache is required.
Result<void> keep(BundleCache& cache, const FetchedBundle& fetched, const CachePolicy& policy,
                  Clock& clock, const Log& log) {
  auto kept = cache.keep(fetched, policy.accepted_sequence, policy.lock_patience, clock);
  if (kept || policy.required || kept.error().code == ErrorCode::untrusted) return kept;
  log.warning("the secrets could not be cached", {{"cause", kept.error().message}});
  return {};
}

}  // namespace

Result<ObtainedBundle> obtain_bundle(const FetchWithin& fetch_it, Result<BundleCache>* cache,
                                     const CachePolicy& policy, Clock& clock, const Log& log) {
  CacheState state = cache == nullptr ? CacheState() : look_at(*cache);
  if (state.fault && policy.required) return std::unexpected(std::move(*state.fault));
  auto fetched = fetch_it(would_serve(state, policy, clock) ? std::optional(policy.serve_after)
                                                            : std::nullopt);
  if (!fetched) {
    if (cache == nullptr || !may_fall_back(fetched.error().code)) return propagate(fetched);
    return fall_back(std::move(fetched.error()), std::move(state), policy, clock, log);
  }
  if (state.fault) {
    warn_of_unusable_cache(*state.fault, log);
  } else if (cache != nullptr) {
    if (auto kept = keep(**cache, *fetched, policy, clock, log); !kept) return propagate(kept);
  }
  return ObtainedBundle{.verified = std::move(fetched->verified), .from_cache = false};
}

std::string list_versions(const std::vector<SetVersion>& sets) {
  std::string list;
  for (const SetVersion& set : sets) {
    list += fmt::format("{}{}={}", list.empty() ? "" : ", ", set.name, set.version);
  }
  return list.empty() ? "no sets" : list;
}

}  // namespace agent_secrets
