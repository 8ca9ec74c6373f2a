#pragma once
// What an error of PostgreSQL means to the control plane: the one place that looks at SQLSTATE
// codes (postgresql.org/docs/15/errcodes-appendix.html).
//
//   no connection, or a server that stops, starts or is overloaded   ErrorCode::unavailable
//   full disk of the server (53100)                                  ErrorCode::out_of_space
//   anything else                                                    ErrorCode::failed
//
// with a hint where one helps. A violated constraint has no code of its own: statements that may
// meet one say ON CONFLICT and look at the number of rows, so the error means a bug.
//
// An error has the primary message of the server alone. DETAIL and CONTEXT are left out because
// they quote rows and parameters. So do the primary messages of class 22 ("invalid input syntax
// … "), in whose place the code stands.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "control-plane/database/failure.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class PostgresFailure : public DatabaseFailure {
 public:
  enum class Kind : std::uint8_t {
    refused,   // the same work would fail again
    conflict,  // with another transaction: the work may run again
    lost,      // the connection is of no use any more: the work may run again on another one
  };
  PostgresFailure(Kind kind, Error error) : DatabaseFailure(std::move(error)), kind_(kind) {}
  [[nodiscard]] Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

// `state` is the SQLSTATE, or empty where the connection broke.
PostgresFailure postgres_failure(std::string_view state, std::string_view primary_message);

// libpq's message about a connection that it could not open. It never has a password in it.
Error postgres_connect_error(std::string_view database, std::string_view message);

}  // namespace agent_secrets::control_plane
