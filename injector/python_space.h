#pragma once
// White space as Python's str.isspace() and the \s of its regular expressions have it, in UTF-8.
// Both readings of an env file are those of Python programs (injector/env_file.h).

#include <cstddef>
#include <string_view>

namespace agent_secrets {

// The bytes of the white space character that the text begins or ends with; 0 when there is none.
std::size_t leading_space(std::string_view text);
std::size_t trailing_space(std::string_view text);

// Without white space at the end, as str.rstrip(), and at both ends, as str.strip().
std::string_view without_trailing_space(std::string_view text);
std::string_view without_space(std::string_view text);

}  // namespace agent_secrets
