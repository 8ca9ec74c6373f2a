#include "injector/check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "injector/bot_user.h"
#include "injector/cache.h"
#include "injector/check_connection.h"
#include "injector/check_container.h"
#include "injector/check_login.h"
#include "injector/check_value_files.h"
#include "injector/credential_source.h"
#include "injector/duration.h"
#include "injector/env_file.h"
#include "injector/exec.h"
#include "injector/instance_id.h"
#include "injector/start.h"

namespace agent_secrets {
namespace {

using std::chrono::seconds;

std::int64_t whole_seconds(seconds duration) { return duration.count(); }

Step credential_step(const LoadedCredential& loaded, seconds now) {
  const CredentialIdentity& identity = loaded.credential.identity;
  Step step{.name = "credential"};
  step.detail = fmt::format("{} of agent {}/{}, {}", identity.kid, identity.organization,
                            identity.agent, loaded.place);
  step.facts = {{"source", loaded.file ? "file" : "variable"},
                {"place", loaded.place},
                {"kid", identity.kid},
                {"organization", identity.organization},
                {"agent", identity.agent},
                {"urls", identity.urls},
                {"own_ca", !identity.ca_pem.empty()}};
  if (!loaded.file) return step;
  const std::string mode = fmt::format("{:04o}", loaded.file->st_mode & 07777U);
  const seconds age = std::max(now - seconds(loaded.file->st_mtime), seconds(0));
  step.detail += fmt::format(", mode {}, {} old", mode, format_duration(age));
  step.facts.emplace_back("mode", mode);
  step.facts.emplace_back("file_age_s", whole_seconds(age));
  if (is_readable_by_others(*loaded.file)) {
    step.warn("other users can read the file", "give it mode 0400");
  }
  return step;
}

constexpr std::string_view kStartsWithout = "the command would start without secrets";

Step bundle_step(const VerifiedBundle& bundle) {
  const BundleFacts& facts = bundle.facts;
  std::vector<std::string> sets;
  sets.reserve(facts.sets.size());
  for (const SetVersion& set : facts.sets) {
    sets.push_back(fmt::format("{}={}", set.name, set.version));
  }
  Step step{.name = "bundle",
            .detail = fmt::format("signed by {} of {}, sequence {}, deployment {}, {}",
                                  bundle.signed_by, facts.region, facts.sequence, facts.deployment,
                                  list_versions(facts.sets)),
            .facts = {{"signed_by", bundle.signed_by},
                      {"region", facts.region},
                      {"sequence", facts.sequence},
                      {"deployment", facts.deployment},
                      {"sets", std::move(sets)}}};
  if (facts.sets.empty()) step.warn(kStartsWithout, kNoSetHint);
  return step;
}

Step content_step(std::string name, std::string_view of, std::size_t count, std::size_t bytes) {
  return {.name = std::move(name),
          .detail = fmt::format("{}{} key{}, {} bytes", of, count, count == 1 ? "" : "s", bytes),
          .facts = {{"keys", static_cast<std::int64_t>(count)},
                    {"bytes", static_cast<std::int64_t>(bytes)}}};
}

void judge_files(const EnvFiles& files, Step& step) {
  std::vector<std::string> skipped;
  skipped.reserve(files.skipped.size());
  for (const SkippedLine& line : files.skipped) {
    skipped.push_back(fmt::format("{}:{}", line.path, line.line));
  }
  std::vector<std::string> differs;
  differs.reserve(files.differences.size());
  for (const CliDifference& difference : files.differences) {
    differs.push_back(fmt::format("{} ({})", difference.key, difference.reason));
  }
  if (!skipped.empty()) {
    step.warn(fmt::format("lines that python-dotenv skips: {}", fmt::join(skipped, ", ")),
              "write KEY=value, and close each quote");
  }
  if (!files.cli_refusals.empty()) {
    step.warn(
        fmt::format("`secrets set --file` would refuse {}", fmt::join(files.cli_refusals, "; ")),
        "before an upload take out or mend what it names");
  }
  if (!differs.empty()) {
    step.warn(fmt::format("`secrets set --file` would store something else: {}",
                          fmt::join(differs, ", ")),
              "before an upload write them as KEY=value lines; --env-format cli reads them so");
  }
  step.facts.emplace_back("skipped_lines", std::move(skipped));
  step.facts.emplace_back("cli_differs", std::move(differs));
  step.facts.emplace_back("cli_refuses", files.cli_refusals);
}

class Doctor {
 public:
  Doctor(const Options& options, const CheckSurroundings& surroundings, const StepObserver& observe)
      : options_(options), around_(surroundings), observe_(observe) {}

  CheckReport examine() {
    const bool has_block = options_.env_files.empty() ? ask_control_plane() : read_files();
    if (has_block) look_at_container();
    return std::move(report_);
  }

 private:
  // False if the step has failed: then no further step is added.
  bool add(Step step) {
    const auto now = std::chrono::steady_clock::now();
    if (!step.took) step.took = std::chrono::duration_cast<std::chrono::microseconds>(now - last_);
    last_ = now;
    observe_(step);
    report_.steps.push_back(std::move(step));
    return report_.steps.back().status != StepStatus::failed;
  }
  bool add_failure(std::string name, const Error& error, int exit_code = kExitInjectorFailed) {
    return add(failed_step(std::move(name), error, exit_code));
  }

  [[nodiscard]] seconds now() const {
    return std::chrono::floor<seconds>(around_.clock.unix_time());
  }

  bool ask_control_plane() {
    // Without warnings: the step has their content.
    const Log log("secret-injector", LogLevel::error, LogFormat::text);
    auto credential =
        options_.develop.agent.empty() ? load_mounted_credential(log) : register_own_key(log);
    if (!credential) return false;
    if (!options_.cache_directory.empty() && !look_at_cache(credential->identity)) return false;
    auto fetched = fetch(*credential);
    return fetched && take_bundle(*fetched, *credential);
  }

  // Absent if the step has failed.
  std::optional<AgentCredential> load_mounted_credential(const Log& log) {
    auto loaded =
        load_credential(options_.credential_file, around_.image, around_.credential_variable, log);
    if (!loaded) {
      add_failure("credential", loaded.error());
      return std::nullopt;
    }
    if (!add(credential_step(*loaded, now()))) return std::nullopt;
    return std::move(loaded->credential);
  }

  // Absent if one of the two steps has failed.
  std::optional<AgentCredential> register_own_key(const Log& log) {
    auto login = find_login(options_.develop, around_.image, log);
    if (!login) {
      add_failure("login", login.error());
      return std::nullopt;
    }
    if (!add(login_step(*login))) return std::nullopt;
    const auto transport = around_.make_login_transport(login->certificates);
    auto credential = register_for_check(*transport, around_.clock, *login, options_.develop,
                                         host_name(around_.image), retry_policy(options_.timeout));
    if (!credential) {
      add_failure("register", credential.error(), exit_code_of(credential.error().code));
      return std::nullopt;
    }
    if (!add(register_step(*credential))) return std::nullopt;
    return std::move(*credential);
  }

  bool look_at_cache(const CredentialIdentity& identity) {
    Step step{.name = "cache"};
    auto opened = BundleCache::open_existing(options_.cache_directory, identity);
    if (!opened && opened.error().code != ErrorCode::not_found)
      return unusable_cache(opened.error());
    auto loaded = opened ? opened->load() : Result<std::optional<FetchedBundle>>(std::nullopt);
    if (!loaded) return unusable_cache(loaded.error());
    if (opened) {
      auto seen = opened->highest_seen();
      if (!seen) return unusable_cache(seen.error());
      seen_ = *seen;
    }
    if (*loaded) return add(filled_cache_step(opened->path(), (*loaded)->verified.facts));
    step.detail = options_.cache_directory + ": empty until the first start";
    step.facts = {{"present", false}, {"would_serve", false}};
    return add(std::move(step));
  }

  // A start continues without the cache, unless --cache=required.
  bool unusable_cache(const Error& error) {
    if (options_.cache.required) return add_failure("cache", error);
    Step step{.name = "cache", .facts = {{"present", true}, {"would_serve", false}}};
    step.warn(error.message + "; a start would go on without it", error.hint);
    return add(std::move(step));
  }

  [[nodiscard]] Step filled_cache_step(const std::string& path, const BundleFacts& cached) const {
    Step step{.name = "cache", .detail = path};
    auto age = age_of(cached, now(), options_.cache.max_age);
    step.facts = {{"present", true},
                  {"would_serve", age.has_value()},
                  {"sequence", cached.sequence},
                  {"age_s", whole_seconds(now() - cached.issued_at)}};
    if (age) {
      step.detail +=
          fmt::format(": sequence {}, {} old, would serve for {} more", cached.sequence,
                      format_duration(*age), format_duration(options_.cache.max_age - *age));
    } else {
      step.warn(age.error().message, age.error().hint);
    }
    return step;
  }

  // Tries each base URL once: a check must give its result now, not at the deadline.
  std::optional<FetchedBundle> fetch(const AgentCredential& credential) {
    const auto transport = around_.make_transport(credential.identity);
    InspectingTransport inspecting(*transport, around_.clock);
    RetryPolicy policy = retry_policy(options_.timeout);
    policy.rounds = 1;
    auto fetched =
        fetch_bundle(inspecting, around_.clock, random_fraction, credential,
                     choose_instance_id(host_name(around_.image)), policy, kBundleCheckTarget);
    const std::optional<Error> error =
        fetched ? std::optional<Error>() : std::optional(fetched.error());
    for (Step& step : connection_steps(inspecting.attempts(), error)) {
      if (!add(std::move(step))) return std::nullopt;
    }
    if (fetched) return std::move(*fetched);
    add_failure("bundle", *error, kExitBadBundle);
    return std::nullopt;
  }

  bool take_bundle(const FetchedBundle& fetched, const AgentCredential& credential) {
    const VerifiedBundle& bundle = fetched.verified;
    if (seen_) {
      auto newer = check_sequence(bundle.facts.sequence, *seen_, options_.cache.accepted_sequence);
      if (!newer) return add_failure("bundle", newer.error(), kExitBadBundle);
    }
    if (!add(bundle_step(bundle))) return false;
    auto block = open_bundle(bundle, credential.box_key);
    if (!block) return add_failure("open", block.error(), kExitBadBundle);
    block_ = std::move(*block);
    auto set = parse_environment_block(block_);
    if (!set) return add_failure("open", set.error(), kExitBadBundle);
    injection_.set = std::move(*set);
    Step step = content_step("open", "", injection_.set.size(), block_.size());
    const bool has_sets = !bundle.facts.sets.empty();
    if (has_sets && injection_.set.empty()) step.warn(kStartsWithout, kEmptySetHint);
    return add(std::move(step));
  }

  bool read_files() {
    auto files = read_env_files(options_.env_files, env_file_options(options_, around_.image));
    if (!files) return add_failure("env-file", files.error());
    block_ = std::move(files->block);
    auto set = parse_environment_block(block_);
    if (!set) return add_failure("env-file", set.error());
    injection_.set = std::move(*set);
    Step step = content_step("env-file", fmt::format("{}: ", fmt::join(options_.env_files, ", ")),
                             injection_.set.size(), block_.size());
    judge_files(*files, step);
    return add(std::move(step));
  }

  bool compose() {
    auto arranged = arrange(injection_.set, options_.environment);
    if (!arranged) return add_failure("environment", arranged.error());
    injection_.arranged = std::move(*arranged);
    auto environment =
        compose_environment(around_.image, injection_.arranged.entries, options_.environment);
    if (!environment) return add_failure("environment", environment.error());
    injection_.environment = std::move(*environment);
    injection_.variables = explain_environment(around_.image, injection_.set, injection_.arranged,
                                               injection_.environment);
    return add(environment_step(injection_, options_.environment));
  }

  bool look_at_container() {
    return compose() && look_at_files() &&
           add(limits_step(injection_, options_.command, block_, current_argument_space())) &&
           add(names_step(injection_)) &&
           add(dotenv_step(injection_, {.command = options_.command,
                                        .env_files = options_.env_files,
                                        .environment = injection_.environment.data(),
                                        .working_directory = around_.working_directory})) &&
           add(state_step(options_, around_.image)) && look_at_user() &&
           (options_.command.empty() || add(command_step(options_.command, injection_)));
  }

  bool look_at_files() {
    return options_.environment.files.empty() ||
           add(files_step(injection_.arranged,
                          {.user = options_.user, .allow_disk = options_.allow_disk}));
  }

  bool look_at_user() {
    if (!options_.user) return true;
    if (auto root = check_may_switch_user(); !root) return add_failure("user", root.error());
    return add({.name = "user",
                .detail = fmt::format("{}:{}", options_.user->user, options_.user->group),
                .facts = {{"uid", std::int64_t{options_.user->user}},
                          {"gid", std::int64_t{options_.user->group}}}});
  }

  const Options& options_;
  const CheckSurroundings& around_;
  const StepObserver& observe_;
  CheckReport report_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  std::optional<std::int64_t> seen_;  // the highest sequence, of the cache directory
  SecretBuffer block_;                // injection_ points into it
  Injection injection_;
};

}  // namespace

CheckReport run_check(const Options& options, const CheckSurroundings& surroundings,
                      const StepObserver& observe) {
  return Doctor(options, surroundings, observe).examine();
}

}  // namespace agent_secrets
