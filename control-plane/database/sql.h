#pragma once
// The text of one SQL statement, checked when the program is compiled. A statement is therefore
// always a literal: text that is put together at run time, and with it SQL injection, does not
// compile.
//
//   tx.query("SELECT name FROM agents WHERE id = ?1", id);
//
// Parameters are written ?1, ?2 … (sqlite.org/lang_expr.html, "Parameters"). A mistake in them is a
// compile error: a `?` without a number, a number that is left out, more than kParametersMax. That
// the call passes as many values is asserted when it runs.

#include <cstdint>
#include <string_view>

namespace agent_secrets::control_plane {

class Sql {
 public:
  static constexpr int kParametersMax = 31;

  // Implicit, so that a literal can be passed as it is.
  // NOLINTNEXTLINE(google-explicit-constructor,hicpp-explicit-conversions)
  consteval Sql(const char* text) : text_(text), parameters_(count_parameters(text_)) {}

  // Lives as long as the program, and ends with a NUL.
  [[nodiscard]] constexpr std::string_view text() const { return text_; }
  // The statement takes the parameters ?1 to ?N, and this is N.
  [[nodiscard]] constexpr int parameters() const { return parameters_; }

 private:
  static consteval int count_parameters(std::string_view text) {
    std::uint32_t used = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\'') in_string = !in_string;  // '' inside a string toggles twice
      if (in_string || text[i] != '?') continue;
      int number = 0;
      while (i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '9') {
        number = number * 10 + (text[++i] - '0');
      }
      if (number < 1 || number > kParametersMax) throw "a parameter is written ?1 to ?31";
      used |= std::uint32_t{1} << static_cast<unsigned>(number);
    }
    int count = 0;
    while (count < kParametersMax && (used & (std::uint32_t{2} << static_cast<unsigned>(count)))) {
      ++count;
    }
    const std::uint32_t wanted = ((std::uint32_t{1} << static_cast<unsigned>(count)) - 1) << 1U;
    if (used != wanted) throw "the numbers of the parameters have a gap";
    return count;
  }

  std::string_view text_;
  int parameters_;
};

}  // namespace agent_secrets::control_plane
