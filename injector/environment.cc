#include "injector/environment.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include "core/limits.h"
#include "core/printable.h"
#include "core/reserved_names.h"

namespace agent_secrets {
namespace {

using Names = std::unordered_set<std::string_view>;

// An entry without '=' has no name. It cannot conflict, and is passed on unchanged.
std::string_view name_of(const char* assignment) {
  const std::string_view text(assignment);
  const std::size_t equals = text.find('=');
  return equals == std::string_view::npos ? std::string_view() : text.substr(0, equals);
}

bool is_credential_variable(std::string_view name) {
  return name == kCredentialVariable || name == kCredentialFileVariable;
}

Result<void> check_reserved(const std::vector<EnvironmentEntry>& set,
                            const std::vector<std::string>& allow) {
  std::vector<std::string> names;
  names.reserve(set.size());
  for (const EnvironmentEntry& entry : set) names.emplace_back(entry.key);
  const auto refused = refused_names(names, allow);
  if (refused.empty()) return {};
  return fail(ErrorCode::invalid,
              fmt::format("the secret set has reserved names: {}", with_reasons(refused)),
              "take them out of the set, choose with --only, or permit each with --allow KEY");
}

Result<void> check_sizes(const std::vector<EnvironmentEntry>& set) {
  std::vector<std::string> names;
  for (const EnvironmentEntry& entry : set) {
    if (entry.assignment.size() >= limits::kEnvironmentString)
      names.push_back(printable(entry.key));
  }
  if (names.empty()) return {};
  return fail(
      ErrorCode::too_large,
      fmt::format("name and value take more than {} bytes: {}", limits::kEnvironmentString,
                  fmt::join(names, ", ")),
      "no environment variable can hold that: give the program a file, --file KEY=VARIABLE");
}

Result<void> check_conflicts(const std::vector<EnvironmentEntry>& set, const Names& image_names) {
  std::vector<std::string_view> both;
  for (const EnvironmentEntry& entry : set) {
    if (image_names.contains(entry.key)) both.push_back(entry.key);
  }
  if (both.empty()) return {};
  return fail(ErrorCode::invalid,
              fmt::format("both the image and the secret set have: {}", fmt::join(both, ", ")),
              "take them out of one of the two, or use --on-conflict override or keep");
}

Result<void> check_required(const std::vector<char*>& environment,
                            const std::vector<std::string>& require) {
  if (require.empty()) return {};
  // The first of several duplicates counts, as for getenv(3) and Python.
  std::unordered_map<std::string_view, bool> is_empty;
  for (const char* assignment : environment) {
    const std::string_view name = name_of(assignment);
    is_empty.try_emplace(name, std::strlen(assignment) == name.size() + 1);
  }
  std::vector<std::string> faults;
  for (const std::string& key : require) {
    const auto found = is_empty.find(key);
    if (found == is_empty.end()) faults.push_back(key);
    if (found != is_empty.end() && found->second) faults.push_back(key + " (empty)");
  }
  if (faults.empty()) return {};
  return fail(ErrorCode::invalid,
              fmt::format("required keys are missing: {}", fmt::join(faults, ", ")),
              "give each a value in the secret set, and redeploy the agent");
}

Names names_of_image(char** image) {
  Names names;
  for (char** entry = image; *entry != nullptr; ++entry) {
    if (const std::string_view name = name_of(*entry); !name.empty()) names.insert(name);
  }
  return names;
}

Names names_of_set(const std::vector<EnvironmentEntry>& set) {
  Names names;
  for (const EnvironmentEntry& entry : set) names.insert(entry.key);
  return names;
}

}  // namespace

Result<std::vector<char*>> compose_environment(char** image,
                                               const std::vector<EnvironmentEntry>& entries,
                                               const EnvironmentPolicy& policy) {
  if (auto checked = check_reserved(entries, policy.allow); !checked) return propagate(checked);
  if (auto checked = check_sizes(entries); !checked) return propagate(checked);
  const Names image_names = names_of_image(image);
  if (policy.on_conflict == OnConflict::fail) {
    if (auto checked = check_conflicts(entries, image_names); !checked) return propagate(checked);
  }
  const Names replacing =
      policy.on_conflict == OnConflict::replace ? names_of_set(entries) : Names{};

  std::vector<char*> environment;
  for (char** entry = image; *entry != nullptr; ++entry) {
    const std::string_view name = name_of(*entry);
    if (is_credential_variable(name) || replacing.contains(name)) continue;
    if (policy.without_cli_token && name == kCliTokenVariable) continue;
    environment.push_back(*entry);
  }
  for (const EnvironmentEntry& entry : entries) {
    if (policy.on_conflict == OnConflict::keep && image_names.contains(entry.key)) continue;
    // execve's signature is older than const; it does not write (exec(3p)).
    environment.push_back(const_cast<char*>(entry.assignment.data()));
  }
  if (auto checked = check_required(environment, policy.require); !checked) {
    return propagate(checked);
  }
  environment.push_back(nullptr);
  return environment;
}

std::vector<std::string> not_in_set(const std::vector<EnvironmentEntry>& set,
                                    const std::vector<std::string>& only) {
  const Names names = names_of_set(set);
  std::vector<std::string> keys;
  std::ranges::copy_if(only, std::back_inserter(keys),
                       [&](const std::string& key) { return !names.contains(key); });
  return keys;
}

std::size_t argument_space(std::size_t stack_limit) {
  constexpr std::size_t kMost = 6 * 1024 * 1024;
  constexpr std::size_t kLeast = 128 * 1024;
  return std::max(std::min(stack_limit / 4, kMost), kLeast);
}

std::size_t current_argument_space() {
  rlimit stack{};
  AGENT_SECRETS_ASSERT(::getrlimit(RLIMIT_STACK, &stack) == 0);
  return argument_space(stack.rlim_cur);  // RLIM_INFINITY is the largest number of its type
}

std::size_t argument_bytes(const std::vector<std::string>& command,
                           const std::vector<char*>& environment) {
  std::size_t total = command.empty() ? 0 : command[0].size() + 1;  // the file name, once more
  for (const std::string& argument : command) total += argument.size() + 1 + sizeof(char*);
  for (const char* assignment : environment) {
    if (assignment != nullptr) total += std::strlen(assignment) + 1 + sizeof(char*);
  }
  return total;
}

Result<void> check_argument_space(const std::vector<std::string>& command,
                                  const std::vector<char*>& environment,
                                  const std::vector<EnvironmentEntry>& set, std::size_t space) {
  const std::size_t total = argument_bytes(command, environment);
  if (total <= space) return {};

  auto largest = set;
  std::ranges::sort(largest, std::ranges::greater{},
                    [](const EnvironmentEntry& entry) { return entry.assignment.size(); });
  largest.resize(std::min<std::size_t>(largest.size(), 3));
  std::vector<std::string> names;
  names.reserve(largest.size());
  for (const EnvironmentEntry& entry : largest) {
    names.push_back(fmt::format("{} ({} bytes)", entry.key, entry.assignment.size()));
  }
  return fail(ErrorCode::too_large,
              fmt::format("arguments and environment take {} bytes, and the system allows {}; the "
                          "largest keys of the set: {}",
                          total, space, fmt::join(names, ", ")),
              "choose keys with --only, or raise the stack limit (ulimit -s)");
}

}  // namespace agent_secrets
