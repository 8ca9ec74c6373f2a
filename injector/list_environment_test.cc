#include "injector/list_environment.h"

#include "core/json_reader.h"
#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;

namespace {

EnvironmentListing listing() {
  return {.variables = {{.name = "HOME", .outcome = Outcome::kept, .value_bytes = 5},
                        {.name = "KEY", .outcome = Outcome::added, .value_bytes = 12, .key = "KEY"},
                        {.name = "BAD\t\x1b", .outcome = Outcome::kept, .value_bytes = 1},
                        {.name = "CREDENTIAL", .outcome = Outcome::removed, .value_bytes = 0}},
          .sets = {{"voice", 3}},
          .files = {}};
}

}  // namespace

TEST_CASE("lines for programs have a header and tabs, with control characters escaped") {
  CHECK(listing_tsv(listing()) ==
        "NAME\tORIGIN\tBYTES\tOUTCOME\n"
        "HOME\timage\t5\tkept\n"
        "KEY\tset voice=3\t12\tnew\n"
        "BAD\\x09\\x1b\timage\t1\tkept\n"
        "CREDENTIAL\timage\t-\tremoved\n");
}

TEST_CASE("a table for people has the same content in columns") {
  CHECK(listing_table(listing(), {}) ==
        "NAME         ORIGIN       BYTES  OUTCOME\n"
        "HOME         image            5  kept\n"
        "KEY          set voice=3     12  new\n"
        "BAD\\x09\\x1b  image            1  kept\n"
        "CREDENTIAL   image            -  removed\n");
  CHECK(listing_table(listing(), {.terminal = true, .colour = true}).starts_with("\x1b[2mNAME"));
}

TEST_CASE("the origin has the set's key if the name differs, and the path of the value's file") {
  const EnvironmentListing set = listing();
  const auto origin = [&](ExplainedVariable variable) {
    variable.outcome = Outcome::added;
    return full_origin_of(variable, set);
  };
  CHECK(origin({.name = "A", .key = "A"}) == "set voice=3");
  CHECK(origin({.name = "B", .key = "A"}) == "set voice=3 (A)");
  CHECK(origin({.name = "A", .key = "A", .file = "/f"}) == "set voice=3 (in /f)");
  CHECK(origin({.name = "B", .key = "A", .file = "/f"}) == "set voice=3 (A, in /f)");
}

TEST_CASE("with several sets the origin lists all of them") {
  EnvironmentListing merged = listing();
  merged.sets = {{"voice", 3}, {"keys", 7}};
  CHECK(origin_of(merged.variables[1], merged) == "sets voice=3, keys=7");
  CHECK(origin_of(merged.variables[0], merged) == "image");
}

TEST_CASE("a key comes from the last env file that has it") {
  const TemporaryDirectory directory;
  directory.write("one", "A=1\nB=1\n");
  directory.write("two", "B=2\nC=2\n");
  const auto origins =
      origins_in_files({directory.path("one"), directory.path("two")}, EnvFormat::dotenv);
  REQUIRE(origins.has_value());
  EnvironmentListing files = listing();
  files.files = *origins;
  const auto origin = [&](const char* key) {
    return origin_of({.name = "AS", .outcome = Outcome::added, .key = key}, files);
  };
  CHECK(origin("A") == "file " + directory.path("one"));
  CHECK(origin("B") == "file " + directory.path("two"));
  CHECK(origin("C") == "file " + directory.path("two"));
  CHECK_FALSE(origins_in_files({directory.path("absent")}, EnvFormat::dotenv).has_value());
}

TEST_CASE("the JSON document has sets and variables") {
  const std::string text = listing_json(listing());
  JsonDocument document(text, text.size());
  const JsonObject root = document.root();
  CHECK(root.objects("sets", 4)[0].text("name", 64) == "voice");
  CHECK(root.objects("sets", 4)[0].integer("version") == 3);
  const auto variables = root.objects("variables", 8);
  REQUIRE(variables.size() == 4);
  CHECK(variables[1].text("name", 64) == "KEY");
  CHECK(variables[1].text("origin", 64) == "set voice=3");
  CHECK(variables[1].integer("bytes") == 12);
  CHECK(variables[1].text("outcome", 64) == "new");
  CHECK(variables[1].text("key", 64) == "KEY");
  CHECK_FALSE(variables[1].has("file"));
  CHECK_FALSE(variables[0].has("key"));
  CHECK_FALSE(variables[3].has("bytes"));
  CHECK(document.finish().has_value());
}
