#include "control-plane/database/sql.h"

#include "tests/catch.h"

namespace agent_secrets::control_plane {

TEST_CASE("the parameters of a statement are counted when it is compiled", "[database]") {
  constexpr Sql kTwo("SELECT ?2, ?1, '?', ?1");
  STATIC_REQUIRE(kTwo.parameters() == 2);
}

TEST_CASE("a question mark in a literal or a quoted name is no parameter", "[database]") {
  constexpr Sql kOne("SELECT 'it''s ?', \"?\", ?1");
  STATIC_REQUIRE(kOne.parameters() == 1);
}

TEST_CASE("a pair has a text for each database", "[database]") {
  constexpr Sql kPair("SELECT max(?1, 0)", "SELECT greatest(?1, 0)");
  STATIC_REQUIRE(kPair.sqlite() == "SELECT max(?1, 0)");
  STATIC_REQUIRE(kPair.postgres() == "SELECT greatest(?1, 0)");
  constexpr Sql kBoth("SELECT 1");
  STATIC_REQUIRE(kBoth.sqlite() == kBoth.postgres());
}

}  // namespace agent_secrets::control_plane
