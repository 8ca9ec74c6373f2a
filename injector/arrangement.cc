#include "injector/arrangement.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace agent_secrets {
namespace {

struct Candidate {
  EnvironmentEntry entry;
  EntrySource source;
};

std::string_view value_of(const EnvironmentEntry& entry) {
  return entry.assignment.substr(entry.key.size() + 1);
}

// The path under which every process that has the descriptor can open the file.
// docs/decisions/0026-secrets-as-files.md explains why the path has no PID.
std::string memory_file_path(int descriptor) { return fmt::format("/proc/self/fd/{}", descriptor); }

bool is_chosen(std::string_view key, const std::vector<std::string>& only) {
  return only.empty() || std::ranges::find(only, key) != only.end();
}

const FileWish* find_file(const std::vector<FileWish>& files, std::string_view key) {
  const auto found = std::ranges::find(files, key, &FileWish::key);
  return found == files.end() ? nullptr : &*found;
}

// An empty value is an error, because a program cannot use an empty file.
Result<void> check_files(const std::vector<EnvironmentEntry>& set,
                         const EnvironmentPolicy& policy) {
  std::vector<std::string> faults;
  for (const FileWish& file : policy.files) {
    const auto entry = std::ranges::find(set, file.key, &EnvironmentEntry::key);
    if (entry == set.end()) {
      faults.push_back(file.key);
    } else if (!is_chosen(file.key, policy.only)) {
      faults.push_back(file.key + " (left out by --only)");
    } else if (value_of(*entry).empty()) {
      faults.push_back(file.key + " (empty)");
    }
  }
  if (faults.empty()) return {};
  return fail(ErrorCode::invalid,
              fmt::format("keys for --file are missing: {}", fmt::join(faults, ", ")),
              "--file names a key as the set or the env file has it, before --rename and --prefix");
}

class Arranger {
 public:
  Arranger(const EnvironmentPolicy& policy, std::span<const int> taken)
      : policy_(policy), taken_(taken) {}

  void add(const EnvironmentEntry& entry) {
    const FileWish* file = find_file(policy_.files, entry.key);
    EntrySource source{.key = entry.key, .value = value_of(entry), .file = file};
    if (file != nullptr) return add_file(source);
    std::string name = renamed(entry.key, policy_.renaming);
    if (name == entry.key) {
      candidates_.push_back({.entry = entry, .source = source});
    } else {
      renamed_.push_back({.name = std::move(name), .source = source});
    }
  }

  Result<Arrangement> finish() {
    if (auto done = add_renamed(); !done) return propagate(done);
    const auto name_of = [](const Candidate& candidate) { return candidate.entry.key; };
    sort(candidates_, name_of);
    if (auto unique = check_names(candidates_, name_of); !unique) return propagate(unique);
    for (const Candidate& candidate : candidates_) {
      arranged_.entries.push_back(candidate.entry);
      arranged_.sources.push_back(candidate.source);
    }
    return std::move(arranged_);
  }

 private:
  struct Renamed {
    std::string name;
    EntrySource source;
  };

  [[nodiscard]] int number_of(std::ptrdiff_t file) const {
    int number = kFirstFileDescriptor;
    for (;; ++number) {
      if (std::ranges::binary_search(taken_, number)) continue;
      if (file-- == 0) return number;
    }
  }

  void add_file(EntrySource source) {
    const FileWish& file = *source.file;
    const std::string name =
        file.variable.empty() ? renamed(file.key, policy_.renaming) : file.variable;
    if (file.path.empty()) {
      source.descriptor = number_of(&file - policy_.files.data());
    }
    const std::string path = file.path.empty() ? memory_file_path(source.descriptor) : file.path;
    const std::string_view assignment =
        arranged_.paths.emplace_back(fmt::format("{}={}", name, path));
    source.path = assignment.substr(name.size() + 1);
    candidates_.push_back(
        {.entry = {.key = assignment.substr(0, name.size()), .assignment = assignment},
         .source = source});
  }

  // Their values are copied once, into one block of guarded memory.
  Result<void> add_renamed() {
    if (renamed_.empty()) return {};
    const auto name_of = [](const Renamed& one) { return std::string_view(one.name); };
    sort(renamed_, name_of);
    if (auto unique = check_names(renamed_, name_of); !unique) return unique;
    std::vector<EnvironmentPair> pairs;
    pairs.reserve(renamed_.size());
    for (const Renamed& one : renamed_) {
      pairs.push_back({.key = one.name, .value = one.source.value});
    }
    auto block = build_environment_block(std::move(pairs));
    if (!block) return propagate(block);
    auto entries = parse_environment_block(*block);
    if (!entries) return propagate(entries);
    for (std::size_t i = 0; i < entries->size(); ++i) {
      candidates_.push_back({.entry = (*entries)[i], .source = renamed_[i].source});
    }
    arranged_.renamed = std::move(*block);
    return {};
  }

  // Sorts by the command's name, and equal names by the set's key, so that errors do not depend on
  // the order of the input.
  static void sort(auto& elements, auto name_of) {
    std::ranges::sort(elements, {}, [name_of](const auto& element) {
      return std::pair(name_of(element), element.source.key);
    });
  }

  // Fails with the first name that two of the sorted elements have.
  static Result<void> check_names(const auto& sorted, auto name_of) {
    const auto twice = std::ranges::adjacent_find(sorted, {}, name_of);
    if (twice == sorted.end()) return {};
    return fail(
        ErrorCode::invalid,
        fmt::format("{} and {} would both be {}", twice->source.key, std::next(twice)->source.key,
                    name_of(*twice)),
        "leave one out with --only, or give each a name of its own with --rename or --file");
  }

  const EnvironmentPolicy& policy_;
  std::span<const int> taken_;
  std::vector<Candidate> candidates_;
  std::vector<Renamed> renamed_;
  Arrangement arranged_;
};

}  // namespace

const EntrySource* Arrangement::source_of(const char* assignment) const {
  const auto at = std::ranges::find(
      entries, assignment, [](const EnvironmentEntry& entry) { return entry.assignment.data(); });
  return at == entries.end() ? nullptr : &sources[static_cast<std::size_t>(at - entries.begin())];
}

Result<Arrangement> arrange(const std::vector<EnvironmentEntry>& set,
                            const EnvironmentPolicy& policy, std::span<const int> taken) {
  if (auto checked = check_files(set, policy); !checked) return propagate(checked);
  Arranger arranger(policy, taken);
  for (const EnvironmentEntry& entry : set) {
    if (is_chosen(entry.key, policy.only)) arranger.add(entry);
  }
  return arranger.finish();
}

std::vector<std::string> unknown_renames(const std::vector<EnvironmentEntry>& set,
                                         const std::vector<Rename>& renames) {
  std::vector<std::string> from;
  from.reserve(renames.size());
  for (const Rename& rename : renames) from.push_back(rename.from);
  return not_in_set(set, from);
}

std::vector<std::string> name_changes(const Arrangement& arranged) {
  std::vector<std::string> changes;
  for (std::size_t i = 0; i < arranged.entries.size(); ++i) {
    const std::string_view name = arranged.entries[i].key;
    const std::string_view key = arranged.sources[i].key;
    if (name != key) changes.push_back(fmt::format("{} as {}", key, name));
  }
  return changes;
}

}  // namespace agent_secrets
