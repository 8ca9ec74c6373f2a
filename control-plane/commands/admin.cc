#include "control-plane/commands/admin.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "core/printable.h"
#include "core/unique_fd.h"
#include "core/write_file.h"

namespace agent_secrets::control_plane {

Result<Organization> choose_organization(Catalog& catalog, const std::string& name) {
  auto all = catalog.organizations.list();
  if (!all) return propagate(all);
  std::string names;
  for (Organization& organization : *all) {
    if (organization.name == name || (name.empty() && all->size() == 1)) {
      return std::move(organization);
    }
    names += (names.empty() ? "" : ", ") + organization.name;
  }
  if (all->empty()) {
    return fail(ErrorCode::not_found, "there is no organization",
                "make one: secret-control-plane organization add NAME");
  }
  if (name.empty()) {
    return fail(ErrorCode::invalid, "there are several organizations: " + names,
                "choose one with --organization");
  }
  return fail(ErrorCode::not_found, "no organization '" + name + "'", "There are: " + names + ".");
}

Result<OpenedOrganization> open_organization(const DataOptions& options, const std::string& name,
                                             const Clock& clock) {
  auto stores = open_data(options, clock);
  if (!stores) return propagate(stores);
  auto chosen = choose_organization(*stores->catalog, name);
  if (!chosen) return propagate(chosen);
  return OpenedOrganization{.stores = std::move(*stores), .organization = std::move(*chosen)};
}

Result<User> choose_user(Catalog& catalog, const std::string& name) {
  auto user = catalog.users.find(name);
  if (!user) return propagate(user);
  if (*user) return std::move(**user);
  return fail(ErrorCode::not_found, "no user '" + name + "'", "see secret-control-plane user list");
}

Result<SecretBuffer> mint_token(Catalog& catalog, const Organization& organization,
                                std::string_view name, Role role,
                                std::optional<UnixMs> expires_at) {
  SecretBuffer token = mint_bearer(kTokenPrefix);
  auto added = catalog.tokens.add(host_actor(), organization.id, name, role,
                                  hash_bearer(token.expose_text()), expires_at);
  if (!added) return propagate(added);
  return token;
}

std::optional<UnixMs> expiry_after(std::uint64_t seconds, const Clock& clock) {
  if (seconds == 0) return std::nullopt;
  return clock.unix_time() + std::chrono::seconds(seconds);
}

Result<void> print(std::string_view text) { return write_all(STDOUT_FILENO, text, "output"); }

Result<void> print_secret_line(const SecretBuffer& text) {
  if (auto printed = print(text.expose_text()); !printed) return printed;
  return print("\n");
}

void note(std::string_view text) {
  (void)std::fprintf(stderr, "%s\n", printable_lines(text).c_str());
}

std::string json_line(const boost::json::value& value) {
  return printable_json(boost::json::serialize(value)) + "\n";
}

boost::json::value time_or_null(std::optional<UnixMs> unix_time) {
  if (!unix_time) return nullptr;
  return boost::json::value(format_timestamp(*unix_time));
}

TerminalStyle output_style() { return choose_style(::isatty(STDOUT_FILENO) == 1, environ); }

std::string format_table(const std::vector<TableRow>& rows, const TerminalStyle& style) {
  std::vector<std::size_t> widths;
  for (const TableRow& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], printable(row[i].text).size());
    }
  }
  std::string text;
  for (const TableRow& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string shown = printable(row[i].text);
      text += row[i].colour ? style.paint(*row[i].colour, shown) : shown;
      if (i + 1 < row.size()) text.append(widths[i] - shown.size() + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

std::string or_dash(std::string_view cell) { return std::string(cell.empty() ? "-" : cell); }

std::string format_or_dash(std::optional<std::chrono::milliseconds> unix_time) {
  return unix_time ? format_timestamp(*unix_time) : "-";
}

Result<void> write_private_file(const std::string& path, std::string_view text) {
  auto written = create_private_file(path, text);
  if (!written && written.error().code == ErrorCode::conflict) {
    written.error().hint = "move that file away, or choose another name";
  }
  return written;
}

Result<void> replace_private_file(const std::string& path, std::string_view text) {
  const std::filesystem::path target(path);
  const std::filesystem::path parent = target.has_parent_path() ? target.parent_path() : ".";
  const UniqueFd directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) {
    return fail(ErrorCode::failed, "open " + parent.string() + ": " + errno_message(errno));
  }
  auto replaced = replace_file(directory.get(), target.filename().string(), text,
                               {.mode = 0600, .is_synced = true});
  if (!replaced) return propagate(replaced, parent.string());
  return {};
}

}  // namespace agent_secrets::control_plane
