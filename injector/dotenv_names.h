#pragma once
// Which of the given keys a `.env` file sets, as python-dotenv and its relatives read it: `export`
// and spaces around the key are allowed. A line inside a value of several lines is read as a
// statement of its own. This can find a key too many, but only one of the given keys: no other part
// of the file is returned.

#include <string>
#include <string_view>
#include <vector>

namespace agent_secrets {

// In the order of the file, each once.
std::vector<std::string> keys_set_by_dotenv(std::string_view text,
                                            const std::vector<std::string>& keys);

}  // namespace agent_secrets
