// The reader of all JSON but the REST bodies. Boost.JSON judges the same text: what our reader
// takes is JSON to it too, and means the same.
// Parser: core/json_reader.cc
#include <optional>

#include <boost/json/error.hpp>
#include <boost/json/parse.hpp>

#include "core/json_reader.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;

namespace {

namespace json = boost::json;
constexpr std::size_t kMaxSize = 4096;

// Nothing for an exponent that only Boost.JSON has no room for.
std::optional<json::value> parse_again(std::string_view text) {
  boost::system::error_code error;
  auto value = json::parse({text.data(), text.size()}, error, {}, {.max_depth = 2048});
  if (error == json::error::exponent_overflow) return std::nullopt;
  AGENT_SECRETS_ASSERT(!error && value.is_object());
  return value;
}

// Reads every kind of member, one a time: after an error a document answers nothing any more.
template <typename Read>
auto read_one(std::string_view text, Read read) {
  JsonDocument document(text, kMaxSize);
  auto value = read(document.root());
  return document.finish() ? std::optional(std::move(value)) : std::nullopt;
}

void compare(std::string_view text, const json::object& object) {
  if (const auto t = read_one(text, [](auto root) { return std::string(root.text("t", 64)); })) {
    AGENT_SECRETS_ASSERT(!t->empty() && t->size() <= 64 && object.at("t").as_string() == *t);
  }
  if (const auto n = read_one(text, [](auto root) { return root.integer("n"); })) {
    AGENT_SECRETS_ASSERT(*n >= 0 && object.at("n").to_number<std::int64_t>() == *n);
  }
  if (const auto b = read_one(text, [](auto root) { return root.boolean("b"); })) {
    AGENT_SECRETS_ASSERT(object.at("b").as_bool() == *b);
  }
  if (const auto n =
          read_one(text, [](auto root) { return root.object("o").object("o").integer("n"); })) {
    AGENT_SECRETS_ASSERT(object.at("o").at("o").at("n").to_number<std::int64_t>() == *n);
  }
  if (const auto texts = read_one(text, [](auto root) { return root.texts("a", 4, 8).size(); })) {
    AGENT_SECRETS_ASSERT(*texts <= 4 && object.at("a").as_array().size() == *texts);
  }
  if (const auto objects = read_one(text, [](auto root) { return root.objects("s", 4).size(); })) {
    AGENT_SECRETS_ASSERT(*objects <= 4 && object.at("s").as_array().size() == *objects);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text(data, size);
  JsonDocument document(text, kMaxSize);
  if (const auto read = document.finish(); !read) {
    AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(read.error()));
    return 0;
  }
  if (const auto value = parse_again(text)) compare(text, value->get_object());
  return 0;
}
