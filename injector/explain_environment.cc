#include "injector/explain_environment.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace agent_secrets {
namespace {

using Names = std::unordered_set<std::string_view>;

ExplainedVariable read_assignment(std::string_view text, Outcome outcome) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return {.name = {}, .outcome = outcome, .value_bytes = text.size()};
  }
  return {
      .name = text.substr(0, equals), .outcome = outcome, .value_bytes = text.size() - equals - 1};
}

}  // namespace

std::string_view outcome_word(Outcome outcome) {
  switch (outcome) {
    case Outcome::kept:
      return "kept";
    case Outcome::added:
      return "new";
    case Outcome::set_wins:
      return "set-wins";
    case Outcome::image_wins:
      return "image-wins";
    case Outcome::removed:
      return "removed";
    case Outcome::left_out:
      return "left-out";
  }
  AGENT_SECRETS_ASSERT(false);
}

std::vector<ExplainedVariable> explain_environment(char** image,
                                                   const std::vector<EnvironmentEntry>& set,
                                                   const Arrangement& arranged,
                                                   const std::vector<char*>& composed) {
  Names image_names;
  for (char** entry = image; *entry != nullptr; ++entry) {
    image_names.insert(read_assignment(*entry, Outcome::kept).name);
  }
  Names chosen_keys;
  std::unordered_map<std::string_view, std::size_t> arranged_names;
  for (std::size_t i = 0; i < arranged.entries.size(); ++i) {
    chosen_keys.insert(arranged.sources[i].key);
    arranged_names.emplace(arranged.entries[i].key, i);
  }

  std::vector<ExplainedVariable> explained;
  std::unordered_set<const char*> passed_on;
  for (const char* assignment : composed) {
    if (assignment == nullptr) break;
    passed_on.insert(assignment);
    ExplainedVariable variable = read_assignment(assignment, Outcome::kept);
    if (const auto at = arranged_names.find(variable.name); at != arranged_names.end()) {
      const EntrySource& source = arranged.sources[at->second];
      variable.key = source.key;
      if (assignment != arranged.entries[at->second].assignment.data()) {
        variable.outcome = Outcome::image_wins;
      } else {
        variable.outcome = image_names.contains(variable.name) ? Outcome::set_wins : Outcome::added;
        variable.value_bytes = source.value.size();
        variable.file = source.path;
      }
    }
    explained.push_back(variable);
  }
  for (char** entry = image; *entry != nullptr; ++entry) {
    const ExplainedVariable variable = read_assignment(*entry, Outcome::removed);
    // If the set has the variable too, the line of the set's entry shows the conflict.
    if (passed_on.contains(*entry) || arranged_names.contains(variable.name)) continue;
    explained.push_back(variable);
  }
  for (const EnvironmentEntry& entry : set) {
    if (chosen_keys.contains(entry.key)) continue;
    ExplainedVariable variable = read_assignment(entry.assignment, Outcome::left_out);
    variable.key = entry.key;
    explained.push_back(variable);
  }
  return explained;
}

std::vector<std::string> names_with(Outcome outcome,
                                    const std::vector<ExplainedVariable>& variables) {
  std::vector<std::string> names;
  for (const ExplainedVariable& variable : variables) {
    if (variable.outcome == outcome) names.emplace_back(variable.name);
  }
  return names;
}

std::vector<std::string> injected_names(const std::vector<ExplainedVariable>& variables) {
  std::vector<std::string> names = names_with(Outcome::added, variables);
  std::ranges::copy(names_with(Outcome::set_wins, variables), std::back_inserter(names));
  return names;
}

bool survives_a_shell(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::ranges::all_of(name, fits);
}

}  // namespace agent_secrets
