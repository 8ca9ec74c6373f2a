#pragma once
// `--rename FROM=TO` and `--prefix P`: under which name the command gets a key of the set. A key
// that --rename names gets that name as it is written; every other key gets the prefix in front.

#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace agent_secrets {

struct Rename {
  std::string from;
  std::string to;
  bool operator==(const Rename&) const = default;
};

struct Renaming {
  std::vector<Rename> renames;
  std::string prefix;
};

// Of the words of all --rename options. Refuses a word that is not FROM=TO, and a FROM that is
// given twice.
Result<std::vector<Rename>> parse_renames(const std::vector<std::string>& words);

// Refuses a prefix with a '=', which ends a name.
Result<void> check_prefix(std::string_view prefix);

std::string renamed(std::string_view key, const Renaming& renaming);

}  // namespace agent_secrets
