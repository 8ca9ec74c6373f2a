#pragma once
// Where a PostgreSQL database is, and how it may be reached: what a URL such as
// postgresql://USER@HOST:PORT/DATABASE?sslrootcert=FILE means. The URL is libpq's
// (postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING), and so are the variables PGHOST,
// PGUSER and so on for what it leaves out.
//
// Refused, each with a hint:
// - a password in a URL of a command line, because every user of the machine can see that line;
// - a connection over a network without a verified server certificate: another host could answer
//   in the place of the database. A Unix socket and a loopback address need no certificate.
//
// Set by us, whatever the URL or the environment says: a server that accepts writes (a standby
// refuses them), and UTF-8. The schema and the bounds for time are set by each transaction
// (postgres_session.h).

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/error.h"

namespace agent_secrets::control_plane {

struct PostgresOptions {
  std::map<std::string, std::string> parameters;  // what PQconnectdbParams() gets
  std::string name;                               // "postgresql://host/database", for messages
  std::string schema;  // the PostgreSQL schema with our tables (postgresql.org/docs/15/ddl-schemas)
};

// Whether the URL may have a password in it.
enum class UrlPassword : std::uint8_t {
  refused,  // the URL is from a command line
  allowed,  // the URL is from the environment, which other users cannot see
};

// With `allow_plain` the operator says that the network between can be trusted. Errors never repeat
// the URL. `schema` is our own: lower-case letters, digits, '-' and '_', or it asserts.
Result<PostgresOptions> parse_postgres_url(const std::string& url, std::string_view schema,
                                           bool allow_plain,
                                           UrlPassword password = UrlPassword::refused);

}  // namespace agent_secrets::control_plane
