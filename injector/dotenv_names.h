#pragma once
// Which of the given keys a `.env` file sets, as python-dotenv and its relatives read it: `export`
// and spaces around the key are allowed. Lines inside a value over several lines are read as if
// they began one, which can only find a key too many, and only one that was asked for: nothing else
// of the file ever comes out.

#include <string>
#include <string_view>
#include <vector>

namespace agent_secrets {

// In the order of the file, each once.
std::vector<std::string> keys_set_by_dotenv(std::string_view text,
                                            const std::vector<std::string>& keys);

}  // namespace agent_secrets
