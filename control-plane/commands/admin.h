#pragma once
// What the admin commands share: they open the data directory beside a running server (SQLite
// serialises the writers; the server notices within its poll) and print tables, or JSON.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
void note(std::string_view text);  // on standard error

// Columns as wide as their widest cell; the first row is the header. Cells may be coloured.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

std::string or_dash(std::string_view cell);
std::string format_or_dash(std::optional<std::chrono::milliseconds> unix_time);

// A new file with mode 0600, fsynced; never replaces one.
Result<void> write_private_file(const std::string& path, std::string_view text);
// The same, in the place of what is there: whoever reads meanwhile sees the old or the new whole.
Result<void> replace_private_file(const std::string& path, std::string_view text);

}  // namespace agent_secrets::control_plane
