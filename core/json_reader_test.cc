#include "core/json_reader.h"

#include "tests/catch.h"

using namespace agent_secrets;

namespace {

// The message of the error that `read` runs into, or "" when there is none.
template <typename Read>
std::string fault(std::string_view json, Read read) {
  JsonDocument document(json, 1000);
  read(document.root());
  const auto result = document.finish();
  return result ? "" : result.error().message;
}

std::string root_fault(std::string_view json) {
  return fault(json, [](const JsonObject&) {});
}

}  // namespace

TEST_CASE("members are read by name and type, in any order, others ignored") {
  JsonDocument document(
      R"({"other":[{}],"flag":true,"n":7,"s":"a","o":{"s":"b"},"list":[{"n":1},{"n":2}],"t":["x"]})",
      1000);
  const auto root = document.root();
  CHECK(root.text("s", 9) == "a");
  CHECK(root.integer("n") == 7);
  CHECK(root.boolean("flag"));
  CHECK(root.object("o").text("s", 9) == "b");
  const auto list = root.objects("list", 9);
  REQUIRE(list.size() == 2);
  CHECK(list[1].integer("n") == 2);
  CHECK(root.texts("t", 9, 9) == std::vector<std::string_view>{"x"});
  CHECK(document.finish());
}

TEST_CASE("a name is read only when each of its characters shows") {
  const auto read = [](const JsonObject& root) {
    (void)root.name_text("a", 99);
    (void)root.optional_name_text("b", 99);
  };
  CHECK(fault(R"({"a":"Grüß Gott"})", read).empty());
  for (const char* json : {R"({"a":"x\u009b"})", R"({"a":"x\n"})", R"({"a":"x","b":"\u202ey"})"}) {
    CAPTURE(json);
    CHECK(fault(json, read).ends_with("holds control or invisible characters"));
  }
}

TEST_CASE("what is not one JSON object is refused") {
  for (const char* text :
       {"", " ", "nonsense", "{", "{}{}", "{} x", "{\"a\":}", "{\"a\":\"\xff\"}"}) {
    CAPTURE(text);
    CHECK(root_fault(text) == "not valid JSON");
  }
  for (const char* text : {"[]", "1", "\"text\"", "null"}) {
    CHECK(root_fault(text) == "not a JSON object");
  }
}

TEST_CASE("JSON past its bound is refused before it is read") {
  JsonDocument document(R"({"a":1})", 6);
  REQUIRE_FALSE(document.finish());
  CHECK(document.finish().error().code == ErrorCode::too_large);
}

TEST_CASE("JSON nested without end is refused") {
  CHECK(root_fault("{\"a\":" + std::string(500, '[') + std::string(400, ']')) == "not valid JSON");
  JsonDocument document("{\"a\":" + std::string(5000, '[') + std::string(5000, ']') + "}", 20'000);
  CHECK_FALSE(document.finish());
}

TEST_CASE("a missing member is named") {
  CHECK(fault("{}", [](const JsonObject& root) { (void)root.text("s", 9); }) ==
        "member 's': missing");
}

TEST_CASE("a member of another type is named") {
  const std::string_view json = R"({"n":1,"s":"x","z":null,"b":true,"f":1.0,"neg":-1,"a":[1]})";
  const auto text = [](const char* name) {
    return [name](const JsonObject& root) { (void)root.text(name, 9); };
  };
  const auto integer = [](const char* name) {
    return [name](const JsonObject& root) { (void)root.integer(name); };
  };
  CHECK(fault(json, text("n")) == "member 'n': not a string");
  CHECK(fault(json, text("z")) == "member 'z': not a string");
  for (const char* name : {"s", "z", "b", "f", "neg", "a"}) {
    CHECK(fault(json, integer(name)) ==
          "member '" + std::string(name) + "': not a non-negative integer");
  }
  CHECK(fault(R"({"n":9223372036854775808})", integer("n")) ==
        "member 'n': not a non-negative integer");
  CHECK(fault(json, [](const JsonObject& root) { (void)root.boolean("n"); }) ==
        "member 'n': not true or false");
  CHECK(fault(json, [](const JsonObject& root) { (void)root.object("n").integer("m"); }) ==
        "member 'n': not an object");
  CHECK(fault(json, [](const JsonObject& root) { (void)root.objects("n", 9); }) ==
        "member 'n': not an array");
  CHECK(fault(json, [](const JsonObject& root) { (void)root.objects("a", 9); }) ==
        "member 'a[0]': not an object");
  CHECK(fault(json, [](const JsonObject& root) { (void)root.texts("a", 9, 9); }) ==
        "member 'a[0]': not a string");
}

TEST_CASE("text is neither empty nor longer than its bound") {
  const std::string_view json = R"({"e":"","s":"1234"})";
  CHECK(fault(json, [](const JsonObject& root) { (void)root.text("e", 9); }) ==
        "member 'e': empty");
  CHECK(fault(json, [](const JsonObject& root) { (void)root.text("s", 4); }).empty());
  CHECK(fault(json, [](const JsonObject& root) { (void)root.text("s", 3); }) ==
        "member 's': longer than 3 bytes");
}

TEST_CASE("text that may be empty is there, and within its bound") {
  const auto read = [](const JsonObject& root) { (void)root.text_or_empty("a", 3); };
  CHECK(fault(R"({"a":""})", read).empty());
  CHECK(fault(R"({"a":"abc"})", read).empty());
  CHECK(fault("{}", read) == "member 'a': missing");
  CHECK(fault(R"({"a":1})", read) == "member 'a': not a string");
  CHECK(fault(R"({"a":"abcd"})", read) == "member 'a': longer than 3 bytes");
}

TEST_CASE("an array has no more elements than its bound") {
  const std::string_view json = R"({"a":["x","y"],"o":[{},{}]})";
  CHECK(fault(json, [](const JsonObject& root) { (void)root.texts("a", 1, 9); }) ==
        "member 'a': more than 1 elements");
  CHECK(fault(json, [](const JsonObject& root) { (void)root.objects("o", 1); }) ==
        "member 'o': more than 1 elements");
}

TEST_CASE("a member given twice is refused") {
  CHECK(fault(R"({"n":1,"n":1})", [](const JsonObject& root) { (void)root.integer("n"); }) ==
        "member 'n': given twice");
  CHECK(fault(R"({"n":1,"n":null})", [](const JsonObject& root) { (void)root.has("n"); }) ==
        "member 'n': given twice");
}

TEST_CASE("an error within an element names the whole path") {
  CHECK(fault(R"({"sets":[{"o":{"v":1}},{"o":{}}]})", [](const JsonObject& root) {
          for (const auto& set : root.objects("sets", 9)) (void)set.object("o").integer("v");
        }) == "member 'sets[1].o.v': missing");
}

TEST_CASE("the first error is the one that stays") {
  CHECK(fault("{}", [](const JsonObject& root) {
          (void)root.text("first", 9);
          (void)root.text("second", 9);
          root.refuse("third", "wrong");
        }) == "member 'first': missing");
}

TEST_CASE("a caller can refuse a member") {
  CHECK(fault("{}", [](const JsonObject& root) { root.refuse("kid", "not a key id"); }) ==
        "member 'kid': not a key id");
}

TEST_CASE("an optional member may be absent or null, not of another type") {
  const std::string_view json = R"({"z":null,"n":1,"s":"x"})";
  const auto read = [](const char* name) {
    return [name](const JsonObject& root) { (void)root.optional_text(name, 9); };
  };
  CHECK(fault(json, read("absent")).empty());
  CHECK(fault(json, read("z")).empty());
  CHECK(fault(json, read("s")).empty());
  CHECK(fault(json, read("n")) == "member 'n': not a string");
}
