#include "control-plane/database/postgres_options.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libpq-fe.h>

namespace agent_secrets::control_plane {
namespace {

using Parameters = std::map<std::string, std::string>;

Result<Parameters> parse(const std::string& url) {
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfoParse(url.c_str(), nullptr), PQconninfoFree);
  if (options == nullptr) {
    return fail(ErrorCode::invalid, "database: the URL cannot be read",
                "write postgresql://USER@HOST:PORT/DATABASE?sslrootcert=FILE");
  }
  Parameters parameters;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) parameters[option->keyword] = option->val;
  }
  return parameters;
}

std::string value_of(const Parameters& parameters, const char* keyword, const char* variable) {
  if (const auto found = parameters.find(keyword); found != parameters.end()) return found->second;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): read while the program starts, by its only thread
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

// A name that only begins like an address, such as 127.example.org, is not a loopback address.
bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
  in_addr four{};
  if (::inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24U) == 127;
  in6_addr six{};
  return ::inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

bool is_on_this_machine(const std::string& host) {
  // A path, and an abstract name after '@', is a Unix socket; so is the default.
  return host.empty() || host.front() == '/' || host.front() == '@' || is_loopback(host);
}

// Several hosts are separated by commas; the first that accepts writes is used.
bool are_on_this_machine(std::string_view hosts) {
  while (true) {
    const std::size_t comma = hosts.find(',');
    if (!is_on_this_machine(std::string(hosts.substr(0, comma)))) return false;
    if (comma == std::string_view::npos) return true;
    hosts.remove_prefix(comma + 1);
  }
}

Result<void> secure(Parameters& parameters, const std::string& host, bool allow_plain) {
  const std::string address = value_of(parameters, "hostaddr", "PGHOSTADDR");
  if (allow_plain || (are_on_this_machine(host) && are_on_this_machine(address))) return {};
  const std::string mode = value_of(parameters, "sslmode", "PGSSLMODE");
  if (!mode.empty() && mode != "verify-full") {
    return fail(ErrorCode::invalid,
                fmt::format("database: sslmode={} does not verify the server {}", mode, host),
                "use sslmode=verify-full with sslrootcert=FILE");
  }
  if (value_of(parameters, "sslrootcert", "PGSSLROOTCERT").empty()) {
    return fail(ErrorCode::invalid,
                fmt::format("database: no certificate authority for the server {}", host),
                "add sslrootcert=FILE to the URL, or set PGSSLROOTCERT");
  }
  parameters["sslmode"] = "verify-full";
  // libpq would prefer Kerberos where it finds a ticket, and then ignore sslmode.
  parameters["gssencmode"] = "disable";
  return {};
}

bool is_schema_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

}  // namespace

Result<PostgresOptions> parse_postgres_url(const std::string& url, std::string_view schema,
                                           bool allow_plain, UrlPassword password) {
  AGENT_SECRETS_ASSERT(is_schema_name(schema));
  auto parameters = parse(url);
  if (!parameters) return propagate(parameters);
  const bool has_password = parameters->contains("password") || parameters->contains("sslpassword");
  if (has_password && password == UrlPassword::refused) {
    return fail(ErrorCode::invalid, "database: the URL has a password in it",
                "other users can see it in the list of processes: put it into the file that "
                "PGPASSFILE names, into PGPASSWORD, or give the URL in AGENT_SECRETS_DATABASE "
                "or AGENT_SECRETS_REGION_DATABASES (for move --to: AGENT_SECRETS_MOVE_TO)");
  }
  const std::string host = value_of(*parameters, "host", "PGHOST");
  if (auto ok = secure(*parameters, host, allow_plain); !ok) return propagate(ok);
  PostgresOptions options{
      .parameters = std::move(*parameters), .name = {}, .schema = std::string(schema)};
  options.name =
      fmt::format("postgresql://{}/{}", host, value_of(options.parameters, "dbname", "PGDATABASE"));
  options.parameters.try_emplace("connect_timeout", "5");  // seconds, for each host
  // How long sent data may stay unacknowledged before the connection counts as lost.
  options.parameters.try_emplace("tcp_user_timeout", "10000");
  options.parameters.try_emplace("application_name", "secret-control-plane");
  options.parameters["target_session_attrs"] = "read-write";
  options.parameters["client_encoding"] = "UTF8";
  return options;
}

}  // namespace agent_secrets::control_plane
