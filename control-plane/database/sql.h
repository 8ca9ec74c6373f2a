#pragma once
// The text of one SQL statement, checked when the program is compiled. A statement is therefore
// always a literal: text that is put together at run time, and with it SQL injection, does not
// compile.
//
//   tx.query("SELECT name FROM agents WHERE id = ?1", id);
//   tx.query({"SELECT max(?1, ?2) AS larger", "SELECT greatest(?1, ?2) AS larger"}, a, b);
//
// Both databases understand most statements. Where they need different texts, a pair has SQLite's
// text first and PostgreSQL's second. The database chooses; callers never ask which one it is.
//
// Parameters are written ?1, ?2 … (sqlite.org/lang_expr.html, "Parameters") in both texts, and
// PostgreSQL gets them as $1, $2 …. A mistake in them is a compile error: a `?` without a number, a
// number that is left out, more than kParametersMax, two texts with different parameters. That the
// call passes as many values is asserted when it runs. PostgreSQL's operators with `?` cannot be
// used, and neither can a backslash, whose meaning in a literal depends on the session
// (postgresql.org/docs/15/runtime-config-compatible.html, standard_conforming_strings).

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace agent_secrets::control_plane {

class Sql {
 public:
  static constexpr int kParametersMax = 31;

  // Implicit, so that a literal can be passed as it is.
  // NOLINTNEXTLINE(google-explicit-constructor,hicpp-explicit-conversions)
  consteval Sql(const char* text) : Sql(text, text) {}
  consteval Sql(const char* sqlite, const char* postgres)
      : sqlite_(sqlite), postgres_(postgres), parameters_(count_parameters(sqlite_)) {
    if (count_parameters(postgres_) != parameters_) throw "the two texts differ in parameters";
  }

  // Both live as long as the program, and end with a NUL.
  [[nodiscard]] constexpr std::string_view sqlite() const { return sqlite_; }
  [[nodiscard]] constexpr std::string_view postgres() const { return postgres_; }
  // The statement takes the parameters ?1 to ?N, and this is N.
  [[nodiscard]] constexpr int parameters() const { return parameters_; }

  // Where the literal or quoted name that begins at `at` ends: the position of its last quote, or
  // `at` where none begins. A doubled quote inside ends one literal and begins another.
  static constexpr std::size_t skip_quoted(std::string_view text, std::size_t at) {
    if (text[at] != '\'' && text[at] != '"') return at;
    const std::size_t end = text.find(text[at], at + 1);
    return end == std::string_view::npos ? text.size() - 1 : end;
  }

 private:
  static consteval int count_parameters(std::string_view text) {
    if (text.contains('\\')) throw "a statement has no backslash";
    std::uint32_t used = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      i = skip_quoted(text, i);
      if (text[i] != '?') continue;
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

  std::string_view sqlite_;
  std::string_view postgres_;
  int parameters_;
};

}  // namespace agent_secrets::control_plane
