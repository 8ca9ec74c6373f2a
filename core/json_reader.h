#pragma once
// Reads JSON that came from outside, strictly and bounded: a missing member, a wrong type or a
// value past its bound is an error that names the member ("member 'sets[1].version': missing"),
// never its content. Unknown members are ignored; a member given twice is refused.
//
// After the first error every later read returns an empty value. So a parser can read all members
// one after the other and check for an error once, at its end:
//
//   JsonDocument document(text, limits::kBundle);
//   const JsonObject root = document.root();
//   facts.agent = root.name_text("agent", limits::kWireName);
//   facts.sequence = root.integer("sequence");
//   if (auto read = document.finish(); !read) return propagate(read, "payload");
//
// Not for text with secret values: simdjson's copies are not wiped.
//
// Ownership: objects and text point into the document. The document cannot be moved and must
// outlive them.
// Threads: a document belongs to one thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "core/error.h"

namespace agent_secrets {

class JsonDocument;

class JsonObject {
 public:
  // Present, and not null.
  [[nodiscard]] bool has(std::string_view name) const;
  // At least one character; at most `max_size` bytes.
  [[nodiscard]] std::string_view text(std::string_view name, std::size_t max_size) const;
  // As text(), or "" if the member is "".
  [[nodiscard]] std::string_view text_or_empty(std::string_view name, std::size_t max_size) const;
  // As text(), but only plain text is accepted (core/printable.h): for names that are shown or
  // passed on.
  [[nodiscard]] std::string_view name_text(std::string_view name, std::size_t max_size) const;
  [[nodiscard]] std::string_view optional_name_text(std::string_view name,
                                                    std::size_t max_size) const;
  // As text(), or "" if the member is absent or null.
  [[nodiscard]] std::string_view optional_text(std::string_view name, std::size_t max_size) const;
  // Not negative.
  [[nodiscard]] std::int64_t integer(std::string_view name) const;
  [[nodiscard]] bool boolean(std::string_view name) const;
  [[nodiscard]] JsonObject object(std::string_view name) const;
  // At most `max_count` elements.
  [[nodiscard]] std::vector<JsonObject> objects(std::string_view name, std::size_t max_count) const;
  [[nodiscard]] std::vector<std::string_view> texts(std::string_view name, std::size_t max_count,
                                                    std::size_t max_size) const;

  // For a caller's own check of a member: "member 'kid': not a key id".
  void refuse(std::string_view name, std::string_view why) const;

 private:
  friend class JsonDocument;
  using Value = simdjson::dom::element;

  JsonObject(JsonDocument* document, std::optional<simdjson::dom::object> members, std::string path)
      : document_(document), members_(members), path_(std::move(path)) {}
  [[nodiscard]] std::optional<Value> find(std::string_view name) const;
  [[nodiscard]] std::optional<Value> need(std::string_view name) const;
  [[nodiscard]] std::optional<std::vector<Value>> elements(std::string_view name,
                                                           std::size_t max_count) const;
  [[nodiscard]] std::string_view text_of(std::string_view name, Value value,
                                         std::size_t max_size) const;

  JsonDocument* document_;
  std::optional<simdjson::dom::object> members_;  // absent after an error
  std::string path_;                              // "" or "sets[1]."
};

class JsonDocument {
 public:
  JsonDocument(std::string_view text, std::size_t max_size);
  ~JsonDocument() = default;
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;
  JsonDocument(JsonDocument&&) = delete;
  JsonDocument& operator=(JsonDocument&&) = delete;

  [[nodiscard]] JsonObject root();
  // The first error, as ErrorCode::invalid (too_large: the text is longer than `max_size`).
  [[nodiscard]] Result<void> finish() const;

 private:
  friend class JsonObject;
  void keep(ErrorCode code, std::string message);

  simdjson::dom::parser parser_;
  std::optional<simdjson::dom::object> root_;
  std::optional<Error> error_;
};

}  // namespace agent_secrets
