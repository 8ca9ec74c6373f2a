#include "injector/check_container.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/reserved_names.h"
#include "core/unique_fd.h"
#include "injector/command_search.h"
#include "injector/exec.h"
#include "injector/file.h"
#include "injector/state_folder.h"

namespace agent_secrets {
namespace {

bool may(const std::string& path, int what) {
  return ::faccessat(AT_FDCWD, path.c_str(), what, AT_EACCESS) == 0;
}

std::string keys(std::size_t count) {
  return fmt::format("{} key{}", count, count == 1 ? "" : "s");
}

// "2 override the image's (A, B)"
std::string part(const std::vector<std::string>& names, std::string_view what) {
  return names.empty() ? ""
                       : fmt::format("; {} {}: {}", names.size(), what, fmt::join(names, ", "));
}

const EnvironmentEntry* largest(const std::vector<EnvironmentEntry>& set) {
  const auto found = std::ranges::max_element(
      set, {}, [](const EnvironmentEntry& entry) { return entry.assignment.size(); });
  return found == set.end() ? nullptr : &*found;
}

// Locking locked pages again succeeds. If RLIMIT_MEMLOCK was too small, locking fails again.
bool is_locked(const SecretBuffer& block) {
  return block.empty() || ::mlock(block.expose().data(), block.size()) == 0;
}

// The bytes from which the kernel decides how to run a file (BINPRM_BUF_SIZE); "" if this user may
// not read the file.
std::string start_of(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  std::array<char, 256> start{};
  const ssize_t size = file.is_open() ? ::read(file.get(), start.data(), start.size()) : -1;
  return {start.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

bool is_elf(std::string_view start) {
  constexpr std::string_view kMagic = "\177ELF";
  return start.starts_with(kMagic);
}

// The interpreter of a script, "" for anything else.
std::string interpreter_of(std::string_view start) {
  std::string_view line = start;
  if (!line.starts_with("#!")) return "";
  line = line.substr(2, std::min(line.find('\n'), line.size()) - 2);
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return std::string(line.substr(0, line.find_first_of(" \t")));
}

Step found_command(const std::string& path) {
  Step step{.name = "command", .detail = path, .facts = {{"path", path}}};
  const std::string start = start_of(path);
  const std::string interpreter = interpreter_of(start);
  if (interpreter.empty() && !start.empty() && !is_elf(start)) {
    // Not a failure: binfmt_misc may have a handler for it.
    step.warn("neither a program nor a script with #!, so a start would end with 126",
              "add a first line such as #!/bin/sh if it is a script");
  }
  if (interpreter.empty()) return step;
  step.detail += ", run by " + interpreter;
  step.facts.emplace_back("interpreter", interpreter);
  if (!may(interpreter, F_OK)) {
    step.status = StepStatus::failed;
    step.exit_code = kExitNotFound;
    step.detail += ", which is not there";
    step.hint = "install it, or name another in the script's first line";
  }
  return step;
}

}  // namespace

std::vector<std::string> Injection::injected_names() const {
  return agent_secrets::injected_names(variables);
}

Step environment_step(const Injection& injection, const EnvironmentPolicy& policy) {
  const auto injected = injection.injected_names();
  const auto overridden = names_with(Outcome::set_wins, injection.variables);
  const auto outvoted = names_with(Outcome::image_wins, injection.variables);
  const auto left_out = names_with(Outcome::left_out, injection.variables);
  const auto allowed = refused_names(injected, {});  // compose_environment() has accepted them
  const auto of_image = image_names(injected, policy.allow);
  const auto unknown = not_in_set(injection.set, policy.only);
  const auto changes = name_changes(injection.arranged);
  const auto not_renamed = unknown_renames(injection.set, policy.renaming.renames);
  Step step{.name = "environment"};
  step.detail = keys(injected.size()) + part(overridden, "replace the image's") +
                part(outvoted, "give way to the image's") + part(left_out, "left out by --only") +
                part(allowed, "reserved, let through by --allow") + part(changes, "renamed");
  step.facts = {{"injected", injected},        {"set_wins", overridden},
                {"image_wins", outvoted},      {"left_out", left_out},
                {"reserved_allowed", allowed}, {"of_image", of_image},
                {"required", policy.require},  {"only_unknown", unknown},
                {"renamed", changes},          {"rename_unknown", not_renamed}};
  if (!of_image.empty()) {
    step.warn(fmt::format("the image or the platform usually sets: {}", with_reasons(of_image)),
              "take them out of the set unless the set's values are meant; --allow KEY ends this "
              "warning");
  }
  if (!unknown.empty()) {
    step.warn(fmt::format("--only names what no set has: {}", fmt::join(unknown, ", ")),
              "look for a typing error in --only");
  }
  if (!not_renamed.empty()) {
    step.warn(fmt::format("--rename names what no set has: {}", fmt::join(not_renamed, ", ")),
              "look for a typing error in --rename; it names keys as the set has them");
  }
  return step;
}

Step limits_step(const Injection& injection, const std::vector<std::string>& command,
                 const SecretBuffer& block, std::size_t space) {
  auto fits =
      check_argument_space(command, injection.environment, injection.arranged.entries, space);
  const std::size_t total = argument_bytes(command, injection.environment);
  const EnvironmentEntry* most = largest(injection.arranged.entries);
  const std::size_t most_bytes = most == nullptr ? 0 : most->assignment.size() + 1;
  const bool locked = is_locked(block);
  Step step =
      fits ? Step{.name = "limits"} : failed_step("limits", fits.error(), kExitInjectorFailed);
  if (fits) {
    step.detail = fmt::format("{} of {} bytes", total, space);
    if (most != nullptr) {
      step.detail +=
          fmt::format("; largest {}, {} of {}", most->key, most_bytes, limits::kEnvironmentString);
    }
    if (!locked) step.detail += "; note: RLIMIT_MEMLOCK is too small to keep values out of swap";
  }
  step.facts = {{"bytes", static_cast<std::int64_t>(total)},
                {"space", static_cast<std::int64_t>(space)},
                {"largest_key", std::string(most == nullptr ? "" : most->key)},
                {"largest_bytes", static_cast<std::int64_t>(most_bytes)},
                {"locked", locked}};
  return step;
}

Step names_step(const Injection& injection) {
  auto dropped = injection.injected_names();
  std::erase_if(dropped, [](const std::string& name) { return survives_a_shell(name); });
  Step step{.name = "names", .facts = {{"dropped_by_a_shell", dropped}}};
  if (dropped.empty()) {
    step.detail = "each survives a shell";
  } else {
    step.warn(fmt::format("a shell drops: {}", fmt::join(dropped, ", ")),
              "rename them (letters, digits and '_'), or run the bot without a shell in between");
  }
  return step;
}

Step dotenv_step(const Injection& injection, const DotenvSearch& search) {
  Step step{.name = "dotenv"};
  const FoundDotenv found = find_dotenv(search);
  const std::string& path = found.path;
  std::vector<std::string> both;
  if (path.empty()) {
    step.detail = "load_dotenv() would find no .env";
  } else if (found.is_env_file) {
    step.detail = path + " is the env file itself";
  } else if (found.is_fifo) {
    step.detail = path + " is a FIFO, and was not read";
  } else if (found.is_empty) {
    step.detail = path + " is empty";
  } else if (auto keys = keys_in_dotenv(path, injection.injected_names()); !keys) {
    step.warn(keys.error().message, "remove it from the image, or see what it holds");
  } else {
    both = std::move(*keys);
    step.detail = path + (both.empty() ? " sets no injected key" : "");
  }
  step.facts = {{"present", !path.empty()}, {"file", path}, {"keys_in_both", both}};
  if (!both.empty()) {
    step.warn(fmt::format("load_dotenv(override=True) would beat the injected: {}",
                          fmt::join(both, ", ")),
              "keep .env out of the image (.dockerignore), or call load_dotenv() without override");
  }
  return step;
}

Step state_step(const Options& options, char** image) {
  const StateFolder state = choose_state_folder(options, image);
  const bool is_named = state.is_named;
  const std::string& directory = state.path;
  Step step{.name = "state", .facts = {{"directory", directory}}};
  const bool present = may(directory, F_OK);
  const std::string parent = std::filesystem::path(directory + "/..").lexically_normal();
  bool writable = false;
  if (present) {
    writable = may(directory, W_OK | X_OK);
    step.detail = directory;
  } else if (is_named || options.sidecar != SidecarWish::none) {
    writable = may(parent, W_OK | X_OK);
    step.detail = directory + ", which a start would make";
  } else {
    step.detail = "no " + directory + ": no running.json";
  }
  step.facts.emplace_back("present", present);
  step.facts.emplace_back("writable", writable);
  if (!writable && step.detail.starts_with(directory)) {
    step.warn("this user cannot write there",
              "give this user a writable directory there, or choose one with --state-dir");
  }
  return step;
}

Step command_step(const std::vector<std::string>& command, const Injection& injection) {
  std::vector<char*> environment = injection.environment;
  bool is_there = false;
  for (const std::string& path :
       command_candidates(command[0], find_variable(environment.data(), "PATH"))) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) continue;
    if (S_ISREG(status.st_mode) && may(path, X_OK)) return found_command(path);
    is_there = true;
  }
  return {.name = "command",
          .status = StepStatus::failed,
          .detail = command[0] + (is_there ? ": not executable" : ": not found"),
          .hint = is_there ? "give it execute permission"
                           : "check the command's name, and PATH in the image",
          .facts = {{"path", std::string()}},
          .exit_code = is_there ? kExitNotExecutable : kExitNotFound};
}

}  // namespace agent_secrets
