#include "injector/obtain_bundle.h"

#include <fmt/format.h>

#include "injector/duration.h"

namespace agent_secrets {
namespace {

bool may_fall_back(ErrorCode code) {
  return code == ErrorCode::unreachable || code == ErrorCode::timed_out ||
         code == ErrorCode::unavailable;
}

Result<ObtainedBundle> fall_back(Error cause, std::optional<FetchedBundle> cached,
                                 const CachePolicy& policy, Clock& clock, const Log& log) {
  if (!cached) {
    cause.message += "; and the cache is empty";
    return std::unexpected(std::move(cause));
  }
  const BundleFacts& facts = cached->verified.facts;
  const auto now = std::chrono::floor<std::chrono::seconds>(clock.unix_time());
  const auto age = age_of(facts, now, policy.max_age);
  if (!age) {
    return fail(age.error().code, fmt::format("{}; and {}", cause.message, age.error().message),
                age.error().hint);
  }
  log.warning("the control plane cannot be reached: starting with the cached secrets",
              {{"cause", cause.message},
               {"age", format_duration(*age)},
               {"sequence", facts.sequence},
               {"versions", list_versions(facts.sets)}});
  return ObtainedBundle{.verified = std::move(cached->verified), .from_cache = true};
}

}  // namespace

Result<ObtainedBundle> obtain_bundle(const std::function<Result<FetchedBundle>()>& fetch_it,
                                     BundleCache* cache, const CachePolicy& policy, Clock& clock,
                                     const Log& log) {
  std::optional<FetchedBundle> cached;
  if (cache != nullptr) {
    auto loaded = cache->load();
    if (!loaded) return propagate(loaded);
    cached = std::move(*loaded);
  }
  auto fetched = fetch_it();
  if (!fetched) {
    if (cache == nullptr || !may_fall_back(fetched.error().code)) return propagate(fetched);
    return fall_back(std::move(fetched.error()), std::move(cached), policy, clock, log);
  }
  if (cache != nullptr) {
    auto kept = cache->keep(*fetched, policy.accepted_sequence, policy.lock_patience, clock);
    if (!kept && kept.error().code == ErrorCode::untrusted) return propagate(kept);
    if (!kept) {
      log.warning("the secrets could not be cached", {{"cause", kept.error().message}});
    }
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
