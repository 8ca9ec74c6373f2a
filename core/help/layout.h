#pragma once
// Paragraphs of help, broken into lines.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace agent_secrets::help {

// Breaks at spaces. A word that is longer than `width` gets a line of its own.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

// What an empty line separates.
std::vector<std::string> paragraphs(std::string_view text);

}  // namespace agent_secrets::help
