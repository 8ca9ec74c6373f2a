#pragma once
// What the admin commands share: they use the data (data.h) beside running servers, which notice a
// change within their poll, and print tables, or JSON.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/fwd.hpp>

#include "control-plane/data.h"
#include "control-plane/host_actor.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/terminal_style.h"

namespace agent_secrets::control_plane {

// The named organization; without a name, the only organization.
Result<Organization> choose_organization(Catalog& catalog, const std::string& name);

struct OpenedOrganization {
  Stores stores;
  Organization organization;
};

// open_data() and choose_organization().
Result<OpenedOrganization> open_organization(const DataOptions& options, const std::string& name,
                                             const Clock& clock);

Result<User> choose_user(Catalog& catalog, const std::string& name);

// Adds a token of the organization to the catalog, which keeps only the token's hash.
Result<SecretBuffer> mint_token(Catalog& catalog, const Organization& organization,
                                std::string_view name, Role role,
                                std::optional<UnixMs> expires_at = {});
// For --expires. Absent for 0 seconds: without an expiry.
std::optional<UnixMs> expiry_after(std::uint64_t seconds, const Clock& clock);

// Standard output; an error when it cannot be written (a full disk would swallow a token).
Result<void> print(std::string_view text);
Result<void> print_secret_line(const SecretBuffer& text);
// On standard error, with hidden characters escaped (core/printable.h).
void note(std::string_view text);

// One line of JSON with hidden characters escaped: what --json prints.
std::string json_line(const boost::json::value& value);
boost::json::value time_or_null(std::optional<UnixMs> unix_time);

// How much colour standard output gets.
TerminalStyle output_style();

struct TableCell {
  // Implicit, so that a row is a list of texts.
  TableCell(const char* content) : text(content) {}
  TableCell(std::string content, std::optional<Colour> wanted = std::nullopt)
      : text(std::move(content)), colour(wanted) {}
  std::string text;
  std::optional<Colour> colour;
};
using TableRow = std::vector<TableCell>;

// Columns as wide as their widest cell; the first row is the header. Hidden characters in cells are
// escaped: the colours of `style` are the only escape sequences in the result.
std::string format_table(const std::vector<TableRow>& rows, const TerminalStyle& style = {});

std::string or_dash(std::string_view cell);
std::string format_or_dash(std::optional<std::chrono::milliseconds> unix_time);

// A new file with mode 0600, fsynced; never replaces one.
Result<void> write_private_file(const std::string& path, std::string_view text);
// Replaces a file, with mode 0600 and fsynced: a reader finds the whole old or the whole new
// content.
Result<void> replace_private_file(const std::string& path, std::string_view text);

}  // namespace agent_secrets::control_plane
