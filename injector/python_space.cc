#include "injector/python_space.h"

#include <array>

namespace agent_secrets {
namespace {

constexpr auto kWhiteSpace = std::to_array<std::string_view>({" ",
                                                              "\t",
                                                              "\n",
                                                              "\v",
                                                              "\f",
                                                              "\r",
                                                              "\x1c",
                                                              "\x1d",
                                                              "\x1e",
                                                              "\x1f",
                                                              "\xc2\x85",
                                                              "\xc2\xa0",
                                                              "\xe1\x9a\x80",
                                                              "\xe2\x80\x80",
                                                              "\xe2\x80\x81",
                                                              "\xe2\x80\x82",
                                                              "\xe2\x80\x83",
                                                              "\xe2\x80\x84",
                                                              "\xe2\x80\x85",
                                                              "\xe2\x80\x86",
                                                              "\xe2\x80\x87",
                                                              "\xe2\x80\x88",
                                                              "\xe2\x80\x89",
                                                              "\xe2\x80\x8a",
                                                              "\xe2\x80\xa8",
                                                              "\xe2\x80\xa9",
                                                              "\xe2\x80\xaf",
                                                              "\xe2\x81\x9f",
                                                              "\xe3\x80\x80"});

// Most characters are in this range, and need no comparison with the table.
bool is_plain(char c) { return c > ' ' && c <= '~'; }

}  // namespace

std::size_t leading_space(std::string_view text) {
  if (text.empty() || is_plain(text.front())) return 0;
  for (const std::string_view space : kWhiteSpace) {
    if (text.starts_with(space)) return space.size();
  }
  return 0;
}

std::size_t trailing_space(std::string_view text) {
  if (text.empty() || is_plain(text.back())) return 0;
  for (const std::string_view space : kWhiteSpace) {
    if (text.ends_with(space)) return space.size();
  }
  return 0;
}

std::string_view without_trailing_space(std::string_view text) {
  while (const std::size_t size = trailing_space(text)) text.remove_suffix(size);
  return text;
}

std::string_view without_space(std::string_view text) {
  while (const std::size_t size = leading_space(text)) text.remove_prefix(size);
  return without_trailing_space(text);
}

}  // namespace agent_secrets
