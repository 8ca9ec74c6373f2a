#include "control-plane/database/postgres_failure.h"

#include "tests/catch.h"

namespace agent_secrets::control_plane {

TEST_CASE("a SQLSTATE says whether work may run again, and what the caller may expect",
          "[database]") {
  using Kind = PostgresFailure::Kind;
  struct Case {
    const char* state;
    Kind kind;
    ErrorCode code;
  };
  for (const Case& one : {
           Case{"40001", Kind::conflict, ErrorCode::failed},
           Case{"40P01", Kind::conflict, ErrorCode::failed},
           Case{"55P03", Kind::conflict, ErrorCode::failed},
           Case{"", Kind::lost, ErrorCode::unavailable},
           Case{"08006", Kind::lost, ErrorCode::unavailable},
           Case{"57P01", Kind::lost, ErrorCode::unavailable},
           Case{"53300", Kind::lost, ErrorCode::unavailable},
           Case{"25P03", Kind::lost, ErrorCode::unavailable},
           Case{"0A000", Kind::lost, ErrorCode::unavailable},
           Case{"57014", Kind::refused, ErrorCode::unavailable},
           Case{"53100", Kind::refused, ErrorCode::out_of_space},
           Case{"42501", Kind::refused, ErrorCode::failed},
           Case{"25006", Kind::refused, ErrorCode::failed},
           Case{"23505", Kind::refused, ErrorCode::failed},
       }) {
    CAPTURE(one.state);
    const PostgresFailure failure = postgres_failure(one.state, "what happened");
    CHECK(failure.kind() == one.kind);
    CHECK(failure.error().code == one.code);
  }
  CHECK_FALSE(postgres_failure("53100", "").error().hint.empty());
  CHECK(postgres_failure("42P05", "").error().hint.find("PgBouncer") != std::string::npos);
}

TEST_CASE("a message that quotes a value is not passed on", "[database]") {
  const auto failure =
      postgres_failure("22P02", "invalid input syntax for type bigint: \"canary\"");
  CHECK(failure.error().message == "a value was refused (SQLSTATE 22P02)");
}

TEST_CASE("a connection that fails says what helps", "[database]") {
  const auto hint = [](std::string_view message) {
    return postgres_connect_error("postgresql://h/d", message).hint;
  };
  CHECK(hint("FATAL:  sorry, too many clients already").find("max_connections") !=
        std::string::npos);
  CHECK(hint("FATAL:  password authentication failed for user \"x\"").find("PGPASSFILE") !=
        std::string::npos);
  CHECK(hint("session is read-only").find("standby") != std::string::npos);
  CHECK(hint("socket \"/run/x/.s.PGSQL.5432\" failed: Permission denied").find("directory") !=
        std::string::npos);
  CHECK(hint("Connection refused") == "is the server running?");
  CHECK(postgres_connect_error("postgresql://h/d", "one\n\tadvice\ntwo\n").message ==
        "connect postgresql://h/d: one; two");
}

}  // namespace agent_secrets::control_plane
