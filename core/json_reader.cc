#include "core/json_reader.h"

#include <utility>

#include <fmt/format.h>

#include "core/printable.h"

namespace agent_secrets {

JsonDocument::JsonDocument(std::string_view text, std::size_t max_size) {
  simdjson::dom::element element;
  simdjson::dom::object object;
  if (text.size() > max_size) {
    keep(ErrorCode::too_large, fmt::format("JSON of more than {} bytes", max_size));
  } else if (text.empty() ||
             parser_.parse(text.data(), text.size()).get(element) != simdjson::SUCCESS) {
    keep(ErrorCode::invalid, "not valid JSON");
  } else if (element.get(object) != simdjson::SUCCESS) {
    keep(ErrorCode::invalid, "not a JSON object");
  } else {
    root_ = object;
  }
}

JsonObject JsonDocument::root() { return {this, root_, ""}; }

Result<void> JsonDocument::finish() const {
  if (error_) return std::unexpected(*error_);
  return {};
}

void JsonDocument::keep(ErrorCode code, std::string message) {
  if (!error_) error_ = Error{.code = code, .message = std::move(message)};
}

void JsonObject::refuse(std::string_view name, std::string_view why) const {
  document_->keep(ErrorCode::invalid, fmt::format("member '{}{}': {}", path_, name, why));
}

std::optional<JsonObject::Value> JsonObject::find(std::string_view name) const {
  if (!members_) return std::nullopt;
  std::optional<Value> found;
  for (const auto& member : *members_) {
    if (member.key != name) continue;
    // JSON parsers differ on which of two equal names counts (RFC 8259 section 4), so the
    // document is refused.
    if (found) {
      refuse(name, "given twice");
      return std::nullopt;
    }
    found = member.value;
  }
  return found;
}

std::optional<JsonObject::Value> JsonObject::need(std::string_view name) const {
  auto value = find(name);
  if (!value) refuse(name, "missing");
  return value;
}

bool JsonObject::has(std::string_view name) const {
  const auto value = find(name);
  return value && !value->is_null();
}

std::string_view JsonObject::text_of(std::string_view name, Value value,
                                     std::size_t max_size) const {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) {
    refuse(name, "not a string");
  } else if (text.empty()) {
    refuse(name, "empty");
  } else if (text.size() > max_size) {
    refuse(name, fmt::format("longer than {} bytes", max_size));
  } else {
    return text;
  }
  return {};
}

std::string_view JsonObject::text(std::string_view name, std::size_t max_size) const {
  const auto value = need(name);
  return value ? text_of(name, *value, max_size) : std::string_view();
}

std::string_view JsonObject::text_or_empty(std::string_view name, std::size_t max_size) const {
  const auto value = need(name);
  std::string_view text;
  if (!value || (value->get(text) == simdjson::SUCCESS && text.empty())) return {};
  return text_of(name, *value, max_size);
}

std::string_view JsonObject::name_text(std::string_view name, std::size_t max_size) const {
  const std::string_view found = text(name, max_size);
  if (is_plain_text(found)) return found;
  refuse(name, "holds control or invisible characters");
  return {};
}

std::string_view JsonObject::optional_name_text(std::string_view name, std::size_t max_size) const {
  return has(name) ? name_text(name, max_size) : std::string_view();
}

std::string_view JsonObject::optional_text(std::string_view name, std::size_t max_size) const {
  return has(name) ? text(name, max_size) : std::string_view();
}

std::int64_t JsonObject::integer(std::string_view name) const {
  const auto value = need(name);
  std::int64_t number = 0;
  if (value && (value->get(number) != simdjson::SUCCESS || number < 0)) {
    refuse(name, "not a non-negative integer");
    return 0;
  }
  return number;
}

bool JsonObject::boolean(std::string_view name) const {
  const auto value = need(name);
  bool flag = false;
  if (value && value->get(flag) != simdjson::SUCCESS) refuse(name, "not true or false");
  return flag;
}

JsonObject JsonObject::object(std::string_view name) const {
  const auto value = need(name);
  simdjson::dom::object members;
  if (value && value->get(members) == simdjson::SUCCESS) {
    return {document_, members, fmt::format("{}{}.", path_, name)};
  }
  refuse(name, "not an object");
  return {document_, std::nullopt, ""};
}

std::optional<std::vector<JsonObject::Value>> JsonObject::elements(std::string_view name,
                                                                   std::size_t max_count) const {
  const auto value = need(name);
  if (!value) return std::nullopt;
  simdjson::dom::array array;
  if (value->get(array) != simdjson::SUCCESS) {
    refuse(name, "not an array");
    return std::nullopt;
  }
  std::vector<Value> values;
  for (const Value element : array) {
    if (values.size() == max_count) {
      refuse(name, fmt::format("more than {} elements", max_count));
      return std::nullopt;
    }
    values.push_back(element);
  }
  return values;
}

std::vector<JsonObject> JsonObject::objects(std::string_view name, std::size_t max_count) const {
  std::vector<JsonObject> result;
  const auto values = elements(name, max_count);
  if (!values) return result;
  result.reserve(values->size());
  for (const Value& value : *values) {
    auto element = fmt::format("{}[{}]", name, result.size());
    simdjson::dom::object members;
    if (value.get(members) != simdjson::SUCCESS) {
      refuse(element, "not an object");
      return {};
    }
    result.push_back({document_, members, fmt::format("{}{}.", path_, element)});
  }
  return result;
}

std::vector<std::string_view> JsonObject::texts(std::string_view name, std::size_t max_count,
                                                std::size_t max_size) const {
  std::vector<std::string_view> result;
  const auto values = elements(name, max_count);
  if (!values) return result;
  result.reserve(values->size());
  for (const Value& value : *values) {
    result.push_back(text_of(fmt::format("{}[{}]", name, result.size()), value, max_size));
  }
  return result;
}

}  // namespace agent_secrets
