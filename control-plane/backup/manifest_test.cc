#include "control-plane/backup/manifest.h"

#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

Manifest manifest() {
  return {.program = "0.1.0",
          .time = std::chrono::milliseconds(1'700'000'000'123),
          .organizations = 1,
          .sets = 2,
          .agents = 3,
          .parts = {{.file = "catalog.db",
                     .schema = 8,
                     .bytes = 4096,
                     .sha256 = "ab",
                     .rows = {{"agents", 3}, {"sets", 2}}},
                    {.file = "region-eu-central.db",
                     .schema = 7,
                     .bytes = 8192,
                     .sha256 = "cd",
                     .rows = {}}},
          .other_regions = {"us-east"}};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a manifest is read as it was written", "[backup]") {
  const auto read = parse_manifest(manifest_text(manifest()));
  REQUIRE(read);
  CHECK(manifest_text(*read) == manifest_text(manifest()));
  CHECK(read->regions() == std::vector<std::string>{"eu-central"});
  CHECK(read->parts.front().rows.at("agents") == 3);
}

TEST_CASE("a manifest of a newer format, or with a part that is none, is refused", "[backup]") {
  const std::string text = manifest_text(manifest());
  const auto newer = parse_manifest(replaced(text, "\"format\":1", "\"format\":2"));
  REQUIRE_FALSE(newer);
  CHECK(newer.error().message == "the backup was made by a newer version");
  CHECK_FALSE(parse_manifest(replaced(text, "catalog.db", "other.db")));
  for (const char* file : {"region-../x.db", "region-.db", "regioneu.db", "region-eu.db-wal"}) {
    CHECK_FALSE(parse_manifest(replaced(text, "region-eu-central.db", file)));
  }
  // A time that no calendar has would end the program when it is shown.
  CHECK_FALSE(parse_manifest(replaced(text, "1700000000123", "9223372036854775807")));
  CHECK_FALSE(parse_manifest("{}"));
  CHECK_FALSE(parse_manifest(""));
}

}  // namespace agent_secrets::control_plane
