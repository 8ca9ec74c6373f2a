#pragma once
// The outcome for each variable, computed from the composed environment. So only
// compose_environment() has the policy, and the result shows exactly what the command would get. It
// has names and sizes, no values.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "injector/arrangement.h"
#include "injector/environment.h"

namespace agent_secrets {

enum class Outcome {
  kept,        // only the image has it
  added,       // only the set has it
  set_wins,    // both have it, the command gets the set's
  image_wins,  // both have it, the command gets the image's
  removed,     // a credential variable: the command does not get it
  left_out,    // in the set, and --only does not name it
};

// "kept", "new", "set-wins", "image-wins", "removed", "left-out": an interface.
std::string_view outcome_word(Outcome outcome);

struct ExplainedVariable {
  std::string_view name;  // "" for an entry of the image that has no '='
  Outcome outcome = Outcome::kept;
  std::size_t value_bytes = 0;  // of the set's value also where a file holds it
  std::string_view key = {};    // the name in the set; "" if only the image has it
  std::string_view file = {};   // the path of the value's file; "" if the variable has the value
  [[nodiscard]] bool is_from_set() const {
    return outcome == Outcome::added || outcome == Outcome::set_wins ||
           outcome == Outcome::left_out;
  }
};

// In the order of the environment, then the variables that are not in it. `composed` is what
// compose_environment(image, arranged.entries, policy) returned; the names point into `image`,
// `set` and `arranged`.
std::vector<ExplainedVariable> explain_environment(char** image,
                                                   const std::vector<EnvironmentEntry>& set,
                                                   const Arrangement& arranged,
                                                   const std::vector<char*>& composed);

// The names with that outcome.
std::vector<std::string> names_with(Outcome outcome,
                                    const std::vector<ExplainedVariable>& variables);

// The names whose value the command gets from the set.
std::vector<std::string> injected_names(const std::vector<ExplainedVariable>& variables);

// False for a name that a POSIX shell does not pass to its commands: with other characters than
// letters, digits and '_', or with a digit in front.
bool survives_a_shell(std::string_view name);

}  // namespace agent_secrets
