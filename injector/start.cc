#include "injector/start.h"

#include <algorithm>

#include <unistd.h>

#include "core/clock.h"
#include "core/curl_transport.h"
#include "core/fetch.h"
#include "injector/cache.h"
#include "injector/credential_source.h"
#include "injector/env_file.h"
#include "injector/environment.h"
#include "injector/fetch_bundle.h"
#include "injector/obtain_bundle.h"
#include "injector/sidecar_launch.h"

namespace agent_secrets {
namespace {

using std::chrono::milliseconds;

// A third of the time for one attempt: a host that accepts and is silent leaves time for two more.
RetryPolicy retry_policy(std::chrono::seconds timeout) {
  return {.deadline = timeout, .attempt = std::max<milliseconds>(timeout / 3, milliseconds(1'000))};
}

// Where the time goes, with -v: "debug secret-injector: read the credential us=412".
class Stopwatch {
 public:
  explicit Stopwatch(const Log& log) : log_(log) {}
  void step(std::string_view done) {
    const auto now = std::chrono::steady_clock::now();
    const auto taken = std::chrono::duration_cast<std::chrono::microseconds>(now - last_);
    log_.debug(done, {{"us", taken.count()}});
    last_ = now;
  }

 private:
  const Log& log_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

Result<ObtainedBundle> obtain(const Options& options, const AgentCredential& credential,
                              const std::string& instance_id, const Log& log) {
  std::optional<BundleCache> cache;
  if (!options.cache_directory.empty()) {
    auto opened = BundleCache::open(options.cache_directory, credential.identity);
    if (!opened) return propagate(opened);
    cache = std::move(*opened);
  }
  SystemClock clock;
  CurlTransport transport({.ca_pem = credential.identity.ca_pem,
                           .user_agent = "secret-injector/" AGENT_SECRETS_VERSION,
                           .leave_resolver_behind = true});
  const auto fetch_it = [&] {
    return fetch_bundle(transport, clock, random_fraction, credential, instance_id,
                        retry_policy(options.timeout));
  };
  return obtain_bundle(fetch_it, cache ? &*cache : nullptr, options.cache, clock, log);
}

Result<StartMaterial> from_control_plane(const Options& options, char** environment,
                                         const SecretBuffer& credential_variable, const Log& log) {
  Stopwatch stopwatch(log);
  auto credential = load_credential(options.credential_file, environment, credential_variable, log);
  if (!credential) return propagate(credential);
  stopwatch.step("read the credential");

  StartMaterial material;
  material.instance_id = choose_instance_id(find_variable(environment, "HOSTNAME"));
  auto obtained = obtain(options, *credential, material.instance_id, log);
  if (!obtained) return propagate(obtained);
  stopwatch.step(obtained->from_cache ? "took the bundle from the cache" : "fetched the bundle");

  auto block = open_bundle(obtained->verified, credential->box_key);
  if (!block) return propagate(block);
  stopwatch.step("opened the bundle");
  material.block = std::move(*block);
  material.facts = std::move(obtained->verified.facts);
  material.source = obtained->from_cache ? SecretsSource::cache : SecretsSource::fetched;
  if (options.sidecar != SidecarWish::none) {
    material.watch_credential = watch_credential_text(*credential);
  }
  return material;
}

Result<StartMaterial> from_env_files(const Options& options, const Log& log) {
  Stopwatch stopwatch(log);
  auto block = read_env_files(options.env_files);
  if (!block) return propagate(block);
  stopwatch.step("read the env files");
  StartMaterial material;
  material.block = std::move(*block);
  material.source = SecretsSource::env_file;
  return material;
}

std::string state_directory(const Options& options) {
  return options.state_directory.empty() ? std::string(kDefaultStateDirectory)
                                         : options.state_directory;
}

}  // namespace

Result<StartMaterial> gather_material(const Options& options, char** environment,
                                      const SecretBuffer& credential_variable, const Log& log) {
  if (!options.env_files.empty()) return from_env_files(options, log);
  return from_control_plane(options, environment, credential_variable, log);
}

void publish_state(const Options& options, const StartMaterial& material, const Log& log) {
  const bool is_named = !options.state_directory.empty();
  const std::string directory = state_directory(options);
  Result<void> published;
  // The default directory is only made for a sidecar, which could tell nobody without it.
  const bool has_sidecar = options.sidecar != SidecarWish::none;
  if (is_named || has_sidecar) {
    published = make_state_directory(directory, has_sidecar ? options.user : std::nullopt);
  }
  if (published) {
    published = write_running_state(directory, {.facts = material.facts,
                                                .source = material.source,
                                                .pid = ::getpid(),
                                                .started_at = SystemClock().unix_time()});
  }
  if (published) return;
  // Never worth a bot that does not start: a full disk is no reason to refuse calls.
  const std::string_view message = "the state directory is not up to date";
  if (is_named) {
    log.warning(message, {{"cause", published.error().message}});
  } else {
    log.debug(message, {{"cause", published.error().message}});
  }
}

Result<void> start_sidecar(const Options& options, const StartMaterial& material,
                           char** environment, const Log& log) {
  if (options.sidecar == SidecarWish::none) return {};
  Stopwatch stopwatch(log);
  auto launched = launch_sidecar({.state_directory = state_directory(options),
                                  .instance_id = material.instance_id,
                                  .sequence = material.facts.sequence,
                                  .wait_until_ready = options.sidecar == SidecarWish::required,
                                  .user = options.user},
                                 material.watch_credential, environment);
  if (launched) {
    stopwatch.step("started the sidecar");
    return {};
  }
  if (options.sidecar == SidecarWish::required) return propagate(launched);
  log.warning("there is no sidecar: nobody will tell when a redeploy is needed",
              {{"cause", launched.error().message}});
  return {};
}

}  // namespace agent_secrets
