#pragma once
// `--file KEY[=VARIABLE[:PATH]]`: the value of a key goes into a file, and the variable holds the
// file's path. Programs that take a path (GOOGLE_APPLICATION_CREDENTIALS) get their value so.

#include <string>
#include <vector>

#include "core/error.h"

namespace agent_secrets {

struct FileWish {
  std::string key;       // of the set
  std::string variable;  // empty: the key, as --rename and --prefix name it
  std::string path;      // empty: a file in memory, without a name in any directory
  bool operator==(const FileWish&) const = default;
};

// Of the words of all --file options. Refuses a word of another form, a path that is not absolute
// or has a ".", ".." or empty component, a key or a path that is given twice, and more than
// limits::kSecretFiles files.
Result<std::vector<FileWish>> parse_file_wishes(const std::vector<std::string>& words);

bool has_paths(const std::vector<FileWish>& files);

}  // namespace agent_secrets
