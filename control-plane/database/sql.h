#pragma once
// The text of one SQL statement, checked when the program is compiled. A statement is therefore
// always a literal: text that was put together at run time, and with it SQL injection, does not
// compile.
//
//   tx.query("SELECT name FROM agents WHERE id = ?1", id);
//   tx.query({"SELECT max(?1, ?2) AS larger", "SELECT greatest(?1, ?2) AS larger"}, a, b);
//
// Most statements are the same text for both databases. Where they cannot be, a pair holds
// SQLite's text and PostgreSQL's side by side. Parameters are written ?1, ?2 … in both texts
// (sqlite.org/lang_expr.html, "Parameters"); the adapter of PostgreSQL turns them into $1, $2 ….
//
// A mistake in the parameters is a compile error: a `?` without a number, a number that is left
// out, more than kParametersMax, or a pair whose texts use different parameters.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace agent_secrets::control_plane {

enum class Dialect : std::uint8_t { sqlite, postgresql };

class Sql {
 public:
  static constexpr int kParametersMax = 31;

  // Implicit, so that a literal can be passed as it is.
  // NOLINTNEXTLINE(google-explicit-constructor,hicpp-explicit-conversions)
  consteval Sql(const char* both) : Sql(both, both) {}
  consteval Sql(const char* sqlite, const char* postgresql)
      : sqlite_(sqlite), postgresql_(postgresql), parameters_(count_parameters(sqlite_)) {
    if (parameters_ != count_parameters(postgresql_)) throw "the texts use different parameters";
  }

  // Lives as long as the program.
  [[nodiscard]] constexpr std::string_view text(Dialect dialect) const {
    return dialect == Dialect::sqlite ? sqlite_ : postgresql_;
  }
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

  std::string_view sqlite_;
  std::string_view postgresql_;
  int parameters_;
};

}  // namespace agent_secrets::control_plane
