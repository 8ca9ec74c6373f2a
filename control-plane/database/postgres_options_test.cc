#include "control-plane/database/postgres_options.h"

#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

Result<PostgresOptions> parse(const std::string& url, bool allow_plain = false) {
  return parse_postgres_url(url, "catalog", allow_plain);
}

}  // namespace

TEST_CASE("a password in the URL of a database is refused and not repeated", "[database]") {
  for (const char* url :
       {"postgresql://me:canary@localhost/db", "postgresql://localhost/db?password=canary",
        "postgresql://localhost/db?sslpassword=canary"}) {
    const auto parsed = parse(url, true);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == ErrorCode::invalid);
    CHECK(parsed.error().message == "database: the URL has a password in it");
    CHECK(parsed.error().hint.find("PGPASSFILE") != std::string::npos);
    CHECK(parsed.error().hint.find("canary") == std::string::npos);
  }
}

TEST_CASE("a URL of the environment may have a password, which is in no message", "[database]") {
  const auto parsed = parse_postgres_url("postgresql://me:canary@localhost/db", "catalog", false,
                                         UrlPassword::allowed);
  REQUIRE(parsed);
  CHECK(parsed->parameters.at("password") == "canary");
  CHECK(parsed->name == "postgresql://localhost/db");
}

TEST_CASE("a URL that cannot be read is not repeated", "[database]") {
  const auto parsed = parse("postgresql://me:canary@[::1/db", true);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().message == "database: the URL cannot be read");
}

TEST_CASE("a database over a network is reached with a verified certificate only", "[database]") {
  for (const char* url :
       {"postgresql://db.example/db", "postgresql://db.example/db?sslmode=require",
        "postgresql://127.0.0.1,db.example/db", "postgresql://127.example.org/db",
        "postgresql://localhost/db?hostaddr=192.0.2.1"}) {
    CAPTURE(url);
    const auto refused = parse(url);
    REQUIRE_FALSE(refused);
    CHECK_FALSE(refused.error().hint.empty());
    CHECK(parse(url, true));
  }
  const auto verified = parse("postgresql://db.example/db?sslrootcert=/ca.pem");
  REQUIRE(verified);
  CHECK(verified->parameters.at("sslmode") == "verify-full");
  CHECK(verified->parameters.at("gssencmode") == "disable");
}

TEST_CASE("a database on this machine needs no certificate", "[database]") {
  for (const char* url :
       {"postgresql:///db", "postgresql:///db?host=/run/postgresql", "postgresql://127.0.0.2/db",
        "postgresql://[::1]:5433/db", "postgresql://localhost/db"}) {
    CAPTURE(url);
    CHECK(parse(url));
  }
}

TEST_CASE("a URL cannot choose a standby or another encoding", "[database]") {
  const auto parsed = parse("postgresql:///db?target_session_attrs=any&client_encoding=LATIN1");
  REQUIRE(parsed);
  CHECK(parsed->parameters.at("target_session_attrs") == "read-write");
  CHECK(parsed->parameters.at("client_encoding") == "UTF8");
}

}  // namespace agent_secrets::control_plane
