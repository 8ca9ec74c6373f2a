#include "injector/start.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/curl_transport.h"
#include "core/fetch.h"
#include "injector/cache.h"
#include "injector/cli_login.h"
#include "injector/credential_source.h"
#include "injector/develop.h"
#include "injector/env_file.h"
#include "injector/environment.h"
#include "injector/fetch_bundle.h"
#include "injector/instance_id.h"
#include "injector/logging_transport.h"
#include "injector/obtain_bundle.h"
#include "injector/sidecar_launch.h"

namespace agent_secrets {
namespace {

using std::chrono::milliseconds;

// `patience` is the limit that a usable cache sets.
RetryPolicy policy_of_start(const Options& options, const Deadline& deadline,
                            std::optional<milliseconds> patience, Progress& progress) {
  RetryPolicy policy = retry_policy(options.timeout);
  policy.deadline = deadline.left_for_waiting();
  if (patience) policy.deadline = std::min(policy.deadline, *patience);
  policy.on_retry = [&progress](unsigned attempt, const Error& cause, milliseconds pause) {
    progress.waits_because(cause);
    progress.log().debug(
        "trying again",
        {{"attempt", attempt}, {"cause", cause.message}, {"pause_ms", pause.count()}});
  };
  return policy;
}

// Writers hold the lock for milliseconds. A writer that hangs must not use up the reserve of the
// deadline.
CachePolicy cache_policy(const Options& options, const Deadline& deadline) {
  CachePolicy policy = options.cache;
  policy.lock_patience = std::min(deadline.kept_back() / 2, policy.lock_patience);
  return policy;
}

// Guarded memory for all secrets of an ordinary start: three pages (libsodium uses their last
// bytes) hold a credential with its certificate, the keys made of it, and some 10 KiB of
// values. Each separate allocation would take ten more system calls.
constexpr std::size_t kSecretsOfStart = 3 * 4096 - 16;

struct OpenedBundle {
  ObtainedBundle obtained;
  SecretBuffer block;
};

std::string_view bundle_target(const StateFolder& state) {
  switch (state.kind) {
    case RunKind::bot:
    case RunKind::beside_bot:
      return state.is_developers ? kBundleDevelopTarget : kBundleTarget;
    case RunKind::one_shot:
      return kBundleOneShotTarget;
    case RunKind::look:
      return kBundleCheckTarget;
  }
  AGENT_SECRETS_ASSERT(false);
}

// Only the bot has its host's name as its id, because a start with an id ends the earlier record of
// the id.
std::string instance_id_of(const StateFolder& state, std::string_view host) {
  if (state.is_developers) return choose_developers_id(host);
  if (state.kind == RunKind::beside_bot) return choose_id_beside(host, "run");
  if (state.kind == RunKind::one_shot) return choose_id_beside(host, "one-shot");
  return choose_instance_id(host);
}

Result<OpenedBundle> obtain(const Options& options, const AgentCredential& credential,
                            const StartMaterial& material, const Deadline& deadline,
                            SecretSlab& slab, Progress& progress) {
  std::optional<Result<BundleCache>> cache;
  if (!options.cache_directory.empty()) {
    progress.enter(StartStep::cache);
    cache = BundleCache::open(options.cache_directory, credential.identity);
  }
  SystemClock clock;
  const auto transport = make_transport(credential.identity, options);
  LoggingTransport told(*transport, progress.log());
  Transport& chosen =
      progress.log().tells(LogLevel::debug) ? static_cast<Transport&>(told) : *transport;
  SecretBuffer block;
  // Opened before it is cached: a bundle that cannot be opened must not replace the cached bundle.
  const auto fetch_it = [&](std::optional<milliseconds> patience) -> Result<FetchedBundle> {
    progress.enter(StartStep::fetch);
    if (patience) progress.cache_serves_after(*patience);
    auto fetched = fetch_bundle(chosen, clock, random_fraction, credential, material.instance_id,
                                policy_of_start(options, deadline, patience, progress),
                                bundle_target(material.state));
    if (!fetched) return fetched;
    progress.enter(StartStep::open);
    auto opened = open_bundle(fetched->verified, credential.box_key, &slab);
    if (!opened) return propagate(opened);
    block = std::move(*opened);
    if (cache) progress.enter(StartStep::cache);
    return fetched;
  };
  auto obtained = obtain_bundle(fetch_it, cache ? &*cache : nullptr,
                                cache_policy(options, deadline), clock, progress.log());
  if (!obtained) return propagate(obtained);
  if (obtained->from_cache) {
    progress.enter(StartStep::open);
    auto opened = open_bundle(obtained->verified, credential.box_key, &slab);
    if (!opened) return propagate(opened);
    block = std::move(*opened);
  }
  return OpenedBundle{.obtained = std::move(*obtained), .block = std::move(block)};
}

// A mounted credential, or a key of this run alone (develop.h).
Result<AgentCredential> find_credential(const Options& options, char** environment,
                                        const SecretBuffer& credential_variable,
                                        const Deadline& deadline, SecretSlab& slab,
                                        Progress& progress) {
  progress.enter(StartStep::credential);
  if (options.develop.agent.empty()) {
    auto loaded = load_credential(options.credential_file, environment, credential_variable,
                                  progress.log(), &slab);
    if (!loaded) return propagate(loaded);
    return std::move(loaded->credential);
  }
  const SecretBuffer token = take_variable(environment, kCliTokenVariable);
  auto login = find_cli_login(environment, token, options.develop.organization, progress.log());
  if (!login) return propagate(login);
  auto certificates = certificates_for_login(environment);
  if (!certificates) return propagate(certificates);
  progress.enter(StartStep::register_key);
  const auto transport = make_login_transport(std::move(*certificates));
  SystemClock clock;
  return register_key(*transport, clock, random_fraction, *login, options.develop,
                      host_name(environment),
                      policy_of_start(options, deadline, std::nullopt, progress), &slab);
}

Result<StartMaterial> from_control_plane(const Options& options, char** environment,
                                         StateFolder state, const SecretBuffer& credential_variable,
                                         const Deadline& deadline, Progress& progress) {
  SecretSlab slab(kSecretsOfStart);
  auto credential =
      find_credential(options, environment, credential_variable, deadline, slab, progress);
  if (!credential) return propagate(credential);

  StartMaterial material;
  material.state = std::move(state);
  material.instance_id = instance_id_of(material.state, host_name(environment));
  auto opened = obtain(options, *credential, material, deadline, slab, progress);
  if (!opened) return propagate(opened);
  material.block = std::move(opened->block);
  material.facts = std::move(opened->obtained.verified.facts);
  material.source = opened->obtained.from_cache ? SecretsSource::cache : SecretsSource::fetched;
  if (options.sidecar != SidecarWish::none) {
    material.watch_credential = watch_credential_text(*credential);
  }
  return material;
}

// One warning for all keys that `secrets set --file` would store differently.
void warn_of_the_cli(const EnvFiles& files, const Log& log) {
  constexpr const char* kHint = "secret-injector check --env-file FILE says why";
  std::vector<std::string> keys;
  keys.reserve(files.differences.size());
  for (const CliDifference& difference : files.differences) keys.push_back(difference.key);
  if (!keys.empty()) {
    log.warning("the official CLI would store other values from this file, or refuse it",
                {{"keys", fmt::format("{}", fmt::join(keys, ", "))}, {"hint", kHint}});
  } else if (!files.cli_refusals.empty()) {
    log.warning("the official CLI would refuse this file",
                {{"cause", files.cli_refusals.front()}, {"hint", kHint}});
  }
}

void warn_of_env_files(const EnvFiles& files, const Log& log) {
  for (const SkippedLine& line : files.skipped) {
    log.warning("python-dotenv cannot read a line of the env file, and skips it",
                {{"file", line.path}, {"line", line.line}});
  }
  if (files.block.empty()) log.warning("the env files set nothing");
  warn_of_the_cli(files, log);
}

Result<StartMaterial> from_env_files(const Options& options, char** environment, StateFolder state,
                                     Progress& progress) {
  progress.enter(StartStep::environment);
  auto files = read_env_files(options.env_files, env_file_options(options, environment));
  if (!files) return propagate(files);
  warn_of_env_files(*files, progress.log());
  StartMaterial material;
  material.state = std::move(state);
  material.block = std::move(files->block);
  material.source = SecretsSource::env_file;
  return material;
}

}  // namespace

RetryPolicy retry_policy(std::chrono::seconds timeout) {
  return {.deadline = timeout, .attempt = std::max<milliseconds>(timeout / 3, milliseconds(1'000))};
}

std::unique_ptr<Transport> make_transport(const CredentialIdentity& identity,
                                          const Options& options) {
  return std::make_unique<CurlTransport>(
      TransportOptions{.ca_pem = identity.ca_pem,
                       .allow_plain_http = options.allow_plain_http,
                       .user_agent = "secret-injector/" AGENT_SECRETS_VERSION,
                       .leave_resolver_behind = true});
}

std::unique_ptr<Transport> make_login_transport(std::string ca_pem) {
  return std::make_unique<CurlTransport>(
      TransportOptions{.ca_pem = std::move(ca_pem),
                       .user_agent = "secret-injector/" AGENT_SECRETS_VERSION,
                       .leave_resolver_behind = true});
}

Result<StartMaterial> gather_material(const Options& options, char** environment,
                                      const SecretBuffer& credential_variable,
                                      const Deadline& deadline, Progress& progress) {
  SystemClock clock;
  StateFolder state = enter_state_folder(options, environment, clock, progress.log());
  if (state.kind == RunKind::beside_bot && options.sidecar == SidecarWish::required) {
    progress.enter(StartStep::sidecar);
    return fail(ErrorCode::conflict,
                fmt::format("the state directory {} is that of a bot that runs", state.path),
                "give this one its own --state-dir, or leave --sidecar=required out");
  }
  if (!options.env_files.empty()) {
    return from_env_files(options, environment, std::move(state), progress);
  }
  return from_control_plane(options, environment, std::move(state), credential_variable, deadline,
                            progress);
}

EnvFileOptions env_file_options(const Options& options, char** environment) {
  const auto image = [environment](std::string_view name) -> std::optional<std::string_view> {
    const char* value = find_variable(environment, name);
    return value == nullptr ? std::nullopt : std::optional<std::string_view>(value);
  };
  return {.format = options.env_format,
          .expand = options.expand,
          .image = image,
          .image_first = options.environment.on_conflict == OnConflict::keep};
}

// An env file that sets nothing has its own warning.
void warn_of_no_secrets(const StartMaterial& material, const Log& log) {
  if (!material.block.empty() || material.source == SecretsSource::env_file) return;
  if (material.facts.sets.empty()) {
    log.warning("the agent has no secret set: the command starts without secrets",
                {{"agent", material.facts.agent}, {"hint", kNoSetHint}});
  } else {
    log.warning("the agent's secret set has no keys: the command starts without secrets",
                {{"agent", material.facts.agent},
                 {"sets", list_versions(material.facts.sets)},
                 {"hint", kEmptySetHint}});
  }
}

void publish_state(const StartMaterial& material, const Log& log) {
  if (!material.state.fd.is_open()) return;
  const auto published = write_running_state(material.state.fd.get(), material.state.path,
                                             {.facts = material.facts,
                                              .source = material.source,
                                              .pid = ::getpid(),
                                              .started_at = SystemClock().unix_time()});
  // A failure does not stop the start: the bot can take calls although the disk is full.
  if (!published) warn_of_state(material.state, published.error(), log);
}

Result<void> start_sidecar(const Options& options, const StartMaterial& material,
                           char** environment, const Deadline& deadline, const Log& log) {
  if (options.sidecar == SidecarWish::none || material.state.kind != RunKind::bot) return {};
  auto launched = launch_sidecar({.state_directory = material.state.path,
                                  .instance_id = material.instance_id,
                                  .sequence = material.facts.sequence,
                                  .wait_until_ready = options.sidecar == SidecarWish::required,
                                  .allow_plain_http = options.allow_plain_http,
                                  .patience = deadline.left_for_waiting(),
                                  .user = options.user},
                                 material.watch_credential, environment);
  if (launched) return {};
  if (options.sidecar == SidecarWish::required) return propagate(launched);
  log.warning("there is no sidecar: nobody will tell when a redeploy is needed",
              {{"cause", launched.error().message}});
  return {};
}

}  // namespace agent_secrets
