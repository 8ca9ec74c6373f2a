#include "control-plane/database/postgres_failure.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include <fmt/format.h>

namespace agent_secrets::control_plane {
namespace {

using Kind = PostgresFailure::Kind;

constexpr const char* kTooManyConnections =
    "raise max_connections of the server or the limit of the role, or start fewer replicas";
constexpr const char* kPooler =
    "PgBouncer in transaction mode has to be 1.21 or later, with max_prepared_statements set";
constexpr const char* kStandby = "this server is a standby: name the server that accepts writes";

Kind kind_of(std::string_view state) {
  // 55P03 is the expiry of lock_timeout, which a migration sets.
  if (state == "40001" || state == "40P01" || state == "55P03") return Kind::conflict;
  const bool lost = state.empty() || state.starts_with("08") ||  // the connection
                    state.starts_with("57P") ||                  // shutdown, crash, start
                    state == "53300" ||                          // too many connections
                    state == "25P03" ||  // idle_in_transaction_session_timeout ended the session
                    state == "0A000";    // the server has become a standby, or a prepared
                                         // statement is of an older schema: a new connection helps
  return lost ? Kind::lost : Kind::refused;
}

ErrorCode code_of(Kind kind, std::string_view state) {
  if (state == "53100") return ErrorCode::out_of_space;
  const bool later = kind == Kind::lost || state == "57014" || state.starts_with("53");
  return later ? ErrorCode::unavailable : ErrorCode::failed;
}

struct Hint {
  std::string_view of;  // a SQLSTATE, or words of a message
  const char* text;
};

constexpr auto kHints = std::to_array<Hint>({
    {"0A000", kStandby},
    {"25P03", "this process did not run for 15 seconds: is the machine overloaded?"},
    {"26000", kPooler},  // a prepared statement is not there
    {"42501", "the role must own the schema; to make it, GRANT CREATE ON DATABASE … TO the role"},
    {"42703", "the schema was changed by another program, or is that of another version"},
    {"42P05", kPooler},  // a prepared statement is there already
    {"42P01", "the schema was changed by another program, or is that of another version"},
    {"42P06", "another program made this schema: rename it, or drop it if nothing needs it"},
    {"53100", "free space on the disk of the database server"},
    {"53300", kTooManyConnections},
    {"55P03", "another program, such as pg_dump, uses the tables: try again when it has ended"},
    {"57014", "the server took longer than 15 seconds: is it overloaded?"},
});

// A failed connection has no SQLSTATE in libpq 15, so the words of the message have to do.
constexpr auto kConnectHints = std::to_array<Hint>({
    {"too many", kTooManyConnections},
    {"connection slots", kTooManyConnections},
    {"read-only", kStandby},
    {"no password supplied", "put the password into the file that PGPASSFILE names"},
    {"authentication failed", "check the user of the URL and the file that PGPASSFILE names"},
    {"certificate", "check sslrootcert, and that the certificate names this host"},
    {"SSL", "check that the server offers TLS"},
    {"Permission denied", "let this user reach the directory of the server's socket"},
    {"does not exist", "create the role and the database, or check the URL"},
});

// The first hint whose text is in `where`.
const char* hint_for(std::span<const Hint> hints, std::string_view where, const char* otherwise) {
  const auto found = std::ranges::find_if(
      hints, [&](const Hint& hint) { return where.find(hint.of) != std::string_view::npos; });
  return found == hints.end() ? otherwise : found->text;
}

// A message of libpq has one line for each host of the URL, and lines with advice, which begin with
// a tab. The advice is left out.
std::string one_line(std::string_view message) {
  std::string line;
  while (!message.empty()) {
    const std::string_view part = message.substr(0, message.find('\n'));
    message.remove_prefix(std::min(message.size(), part.size() + 1));
    if (part.empty() || part.front() == '\t') continue;
    line += fmt::format("{}{}", line.empty() ? "" : "; ", part);
  }
  return line;
}

}  // namespace

PostgresFailure postgres_failure(std::string_view state, std::string_view primary_message) {
  const Kind kind = kind_of(state);
  std::string message(primary_message);
  if (state.starts_with("22")) message = fmt::format("a value was refused (SQLSTATE {})", state);
  if (message.empty()) message = "the connection to the database is lost";
  return {kind,
          {.code = code_of(kind, state),
           .message = std::move(message),
           .hint = hint_for(kHints, state, "")}};
}

Error postgres_connect_error(std::string_view database, std::string_view message) {
  return {.code = ErrorCode::unavailable,
          .message = fmt::format("connect {}: {}", database, one_line(message)),
          .hint = hint_for(kConnectHints, message, "is the server running?")};
}

}  // namespace agent_secrets::control_plane
