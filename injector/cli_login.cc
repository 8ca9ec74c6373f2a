#include "injector/cli_login.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/find_variable.h"
#include "core/limits.h"
#include "injector/credential_source.h"
#include "injector/environment.h"
#include "injector/file.h"

namespace agent_secrets {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string_view variable_or_empty(char** environment, std::string_view name) {
  const char* value = find_variable(environment, name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// What `"text"` or `'text'` holds, with nothing but a comment behind it. Escapes are not read:
// neither a token nor the name of an organization has a character that needs one.
bool read_string(std::string_view value, std::string_view& content) {
  if (value.empty() || (value.front() != '"' && value.front() != '\'')) return false;
  const std::size_t end = value.find(value.front(), 1);
  if (end == std::string_view::npos) return false;
  content = value.substr(1, end - 1);
  const std::string_view rest = trimmed(value.substr(end + 1));
  return content.find('\\') == std::string_view::npos && (rest.empty() || rest.front() == '#');
}

// A value that goes on in the next line: a table or list that is not closed, or three quotes.
bool is_open(std::string_view value) {
  return value.starts_with("\"\"\"") || value.starts_with("'''") ||
         (value.starts_with('[') && !value.ends_with(']')) ||
         (value.starts_with('{') && !value.ends_with('}'));
}

bool fits_a_header(std::string_view token) {
  return std::ranges::all_of(token, [](char c) { return c > ' ' && c <= '~'; });
}

std::string login_path(char** environment) {
  const std::string_view named = variable_or_empty(environment, "PIPECAT_CONFIG_PATH");
  if (!named.empty()) return std::string(named);
  const std::string_view home = variable_or_empty(environment, "HOME");
  return home.empty() ? std::string()
                      : std::string(home) + "/.config/pipecatcloud/pipecatcloud.toml";
}

Result<std::string> find_host(char** environment) {
  std::string_view host = variable_or_empty(environment, "PIPECAT_API_HOST");
  while (host.ends_with('/')) host.remove_suffix(1);
  if (host.starts_with("https://") || host.starts_with("http://")) return std::string(host);
  return fail(ErrorCode::invalid,
              host.empty() ? "PIPECAT_API_HOST is not set"
                           : "PIPECAT_API_HOST is not a URL with https:// or http://",
              "set it to the URL of your secret-control-plane, as for the official CLI");
}

// An empty text for a file that does not exist.
Result<SecretFile> read_login(const std::string& path, const Log& log) {
  if (path.empty()) return SecretFile{};
  auto file = read_file(path, limits::kCliCredentials);
  if (!file && file.error().code == ErrorCode::not_found) return SecretFile{};
  if (file && is_readable_by_others(file->status)) {
    log.warning("the CLI's credentials can be read by other users: give the file mode 0600",
                {{"path", path}});
  }
  return file;
}

}  // namespace

Result<CliLoginFile> parse_cli_login(std::string_view text, std::string_view path) {
  CliLoginFile login;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '[') break;  // the tables of organizations follow
    const std::size_t equals = line.find('=');
    const std::string_view key = trimmed(line.substr(0, equals));
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : trimmed(line.substr(equals + 1));
    const bool is_wanted = key == "token" || key == "org";
    const bool is_read =
        !is_wanted || read_string(value, key == "org" ? login.organization : login.token);
    if (value.empty() || is_open(value) || !is_read) {
      return fail(ErrorCode::invalid, fmt::format("{}:{}: not `key = \"value\"`", path, number),
                  "log in again (pipecat cloud auth login), or set PIPECAT_TOKEN and PIPECAT_ORG");
    }
  }
  return login;
}

Result<CliLogin> find_cli_login(char** environment, const SecretBuffer& token_variable,
                                std::string_view organization, const Log& log) {
  auto host = find_host(environment);
  if (!host) return propagate(host);
  if (organization.empty()) organization = variable_or_empty(environment, "PIPECAT_ORG");
  CliLoginFile stored;
  const std::string path = login_path(environment);
  Result<SecretFile> file = SecretFile{};
  if (token_variable.empty() || organization.empty()) file = read_login(path, log);
  if (!file) return propagate(file);
  if (!file->text.empty()) {
    auto parsed = parse_cli_login(file->text.expose_text(), path);
    if (!parsed) return propagate(parsed);
    stored = *parsed;
  }
  const std::string_view token =
      token_variable.empty() ? stored.token : token_variable.expose_text();
  if (token.empty()) {
    return fail(ErrorCode::unauthorized, "you are not logged in: there is no token",
                "set PIPECAT_TOKEN, or log in with the official CLI: pipecat cloud auth use-pat");
  }
  if (!fits_a_header(token)) {
    return fail(ErrorCode::invalid, "the token has a character that no token has",
                "look for a line break or a quote in PIPECAT_TOKEN");
  }
  CliLogin login{
      .host = std::move(*host),
      .token = SecretBuffer::copy_of(token),
      .organization = std::string(organization.empty() ? stored.organization : organization),
      .place = token_variable.empty() ? path : std::string(kCliTokenVariable)};
  if (token_variable.empty()) login.file = file->status;
  return login;
}

}  // namespace agent_secrets
