#pragma once
// A variable of an environment that is given as execve(2) takes it. getenv(3) reads the global
// environ, which a test cannot give.

#include <string_view>

namespace agent_secrets {

// The value of the first variable of that name, or nullptr. Points into `environment`, which ends
// with NULL.
const char* find_variable(const char* const* environment, std::string_view name);

}  // namespace agent_secrets
