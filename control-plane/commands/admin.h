#pragma once
// What the admin commands share: they open the data directory beside a running server (SQLite
// serialises the writers; the server notices within its poll) and print tables, or JSON.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/fwd.hpp>

#include "control-plane/options.h"
#include "control-plane/stores.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

Result<Stores> open_data(const DataOptions& options, const Clock& clock);
// The named one, or the only one.
Result<Organization> choose_organization(Catalog& catalog, const std::string& name);
Result<User> choose_user(Catalog& catalog, const std::string& name);

// Standard output; an error when it cannot be written (a full disk would swallow a token).
Result<void> print(std::string_view text);
Result<void> print_secret_line(const SecretBuffer& text);
// On standard error, with hidden characters escaped (core/printable.h).
void note(std::string_view text);

// One line of JSON with hidden characters escaped: what --json prints.
std::string json_line(const boost::json::value& value);

enum class Colour { none = 0, red = 31, green = 32, yellow = 33 };
// With hidden characters escaped: the colour is the only escape sequence that comes out.
std::string painted(std::string_view text, Colour colour);

struct TableCell {
  // Implicit, so that a row is a list of texts.
  TableCell(const char* content) : text(content) {}
  TableCell(std::string content, Colour wanted = Colour::none)
      : text(std::move(content)), colour(wanted) {}
  std::string text;
  Colour colour = Colour::none;
};
using TableRow = std::vector<TableCell>;

// Columns as wide as their widest cell; the first row is the header. Hidden characters in cells are
// escaped.
std::string format_table(const std::vector<TableRow>& rows);

std::string or_dash(std::string_view cell);
std::string format_or_dash(std::optional<std::chrono::milliseconds> unix_time);

// A new file with mode 0600, fsynced; never replaces one.
Result<void> write_private_file(const std::string& path, std::string_view text);
// Replaces a file, with mode 0600 and fsynced: a reader finds the whole old or the whole new
// content.
Result<void> replace_private_file(const std::string& path, std::string_view text);

}  // namespace agent_secrets::control_plane
