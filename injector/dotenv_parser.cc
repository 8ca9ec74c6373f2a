#include "injector/dotenv_parser.h"

#include <algorithm>
#include <cstdint>
#include <span>

#include "injector/python_space.h"

namespace agent_secrets {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// Universal newlines, as Python opens a text file. The byte order mark is removed first, because it
// is not a part of the text.
void normalize(SecretBuffer& text) {
  const auto bytes = text.expose();
  const std::size_t begin =
      text.expose_text().starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  std::size_t out = 0;
  for (std::size_t in = begin; in < bytes.size(); ++in) {
    if (bytes[in] == '\r') {
      bytes[out++] = '\n';
      if (in + 1 < bytes.size() && bytes[in + 1] == '\n') ++in;
    } else {
      bytes[out++] = bytes[in];
    }
  }
  text.truncate(out);
}

std::optional<char> decoded(char quote, char c) {
  if (c == '\\' || c == '\'') return c;
  if (quote == '\'') return std::nullopt;
  constexpr std::string_view kNames = "\"abfnrtv";
  constexpr std::string_view kMeanings = "\"\a\b\f\n\r\t\v";
  const std::size_t at = kNames.find(c);
  return at == std::string_view::npos ? std::nullopt : std::optional(kMeanings[at]);
}

class Parser {
 public:
  explicit Parser(std::span<std::uint8_t> text)
      : bytes_(text), text_(reinterpret_cast<const char*>(text.data()), text.size()) {}

  std::vector<DotenvBinding> parse() {
    std::vector<DotenvBinding> bindings;
    for (;;) {
      skip_space(true);
      if (at_ == text_.size()) return bindings;
      DotenvBinding binding{.key = {}, .value = {}, .line = line_};
      if (!statement(binding)) {
        bindings.push_back({.key = {}, .value = {}, .line = binding.line});
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (!binding.key.empty()) {
        bindings.push_back(binding);
      }
    }
  }

 private:
  [[nodiscard]] bool sees(char c) const { return at_ < text_.size() && text_[at_] == c; }
  [[nodiscard]] bool is_at_end_of_line() const { return at_ == text_.size() || sees('\n'); }

  // True if there was any.
  bool skip_space(bool with_newlines) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (with_newlines || !sees('\n'))) {
      const std::size_t size = leading_space(text_.substr(at_));
      if (size == 0) break;
      if (sees('\n')) ++line_;
      at_ += size;
    }
    return at_ != begin;
  }

  // False if python-dotenv rejects the statement. Then at_ is where it skips to the end of the
  // line.
  bool statement(DotenvBinding& binding) {
    skip_export(binding);
    if (!sees('#')) {
      if (!key(binding)) return false;
      skip_space(false);
      if (sees('=') && !assignment(binding)) return false;
    }
    return end(binding);
  }

  void skip_export(DotenvBinding& binding) {
    constexpr std::string_view kExport = "export";
    if (!text_.substr(at_).starts_with(kExport)) return;
    const std::size_t begin = at_;
    at_ += kExport.size();
    binding.is_exported = skip_space(false);
    if (!binding.is_exported) at_ = begin;
  }

  bool key(DotenvBinding& binding) {
    const std::size_t begin = at_;
    if (sees('\'')) {
      const std::size_t close = text_.find('\'', begin + 1);
      if (close == std::string_view::npos || close == begin + 1) return false;
      binding.is_key_quoted = true;
      binding.key = text_.substr(begin + 1, close - begin - 1);
      line_ += static_cast<int>(std::ranges::count(binding.key, '\n'));
      at_ = close + 1;
      return true;
    }
    while (at_ < text_.size() && !sees('=') && !sees('#') &&
           leading_space(text_.substr(at_)) == 0) {
      ++at_;
    }
    binding.key = text_.substr(begin, at_ - begin);
    return !binding.key.empty();
  }

  bool assignment(DotenvBinding& binding) {
    ++at_;
    const bool is_spaced = skip_space(false);
    if (is_at_end_of_line() || (is_spaced && sees('#'))) {
      binding.value = std::string_view();
      return true;
    }
    if (sees('\'') || sees('"')) return quoted(binding);
    const std::size_t begin = at_;
    at_ = std::min(text_.find('\n', at_), text_.size());
    binding.value = unquoted(text_.substr(begin, at_ - begin), binding.has_comment);
    return true;
  }

  static std::string_view unquoted(std::string_view rest, bool& has_comment) {
    for (std::size_t hash = rest.find('#'); hash != std::string_view::npos;
         hash = rest.find('#', hash + 1)) {
      if (trailing_space(rest.substr(0, hash)) == 0) continue;
      has_comment = true;
      rest = rest.substr(0, hash);
      break;
    }
    return without_trailing_space(rest);
  }

  // A character after a backslash does not close the quotes, also if the two are not an escape.
  bool quoted(DotenvBinding& binding) {
    const char quote = text_[at_];
    std::size_t close = at_ + 1;
    while (close < text_.size() && text_[close] != quote) close += text_[close] == '\\' ? 2 : 1;
    if (close >= text_.size()) return false;
    const std::string_view raw = text_.substr(at_ + 1, close - at_ - 1);
    const auto newlines = static_cast<int>(std::ranges::count(raw, '\n'));
    line_ += newlines;
    binding.quote = quote;
    binding.has_lines = newlines > 0;
    binding.value = decode(at_ + 1, close, quote);
    binding.has_escapes = binding.value->size() != raw.size();
    at_ = close + 1;
    return true;
  }

  // Decodes in place: a decoded escape is shorter, and the parser has already read these bytes.
  std::string_view decode(std::size_t begin, std::size_t end, char quote) {
    std::size_t out = begin;
    for (std::size_t in = begin; in < end; ++in) {
      if (text_[in] == '\\' && in + 1 < end) {
        if (const auto meaning = decoded(quote, text_[in + 1])) {
          bytes_[out++] = static_cast<std::uint8_t>(*meaning);
          ++in;
          continue;
        }
      }
      bytes_[out++] = bytes_[in];
    }
    return text_.substr(begin, out - begin);
  }

  bool end(DotenvBinding& binding) {
    skip_space(false);
    if (sees('#')) {
      binding.has_comment = true;
      at_ = std::min(text_.find('\n', at_), text_.size());
    }
    return is_at_end_of_line();
  }

  std::span<std::uint8_t> bytes_;
  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

std::vector<DotenvBinding> parse_dotenv(SecretBuffer& text) {
  normalize(text);
  return Parser(text.expose()).parse();
}

}  // namespace agent_secrets
