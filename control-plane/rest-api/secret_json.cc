#include "control-plane/rest-api/secret_json.h"

#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include <boost/json/stream_parser.hpp>
#include <boost/json/value.hpp>
#include <sodium.h>

#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

constexpr std::string_view kInvalidFormat = "Invalid request format";
constexpr std::string_view kIncompleteImagePullSecret =
    "Must provide isImagePullSecret, host, and secretValue to update an image pull secret";
constexpr std::string_view kImagePullKey = ".dockercredentials";
// More than the parser's stack frames. The frames hold parts of strings with escapes, so this much
// stack is wiped afterwards.
constexpr std::size_t kParserStack = 16 * 1024;

// Wipes memory before it frees it. Boost.JSON 1.81 frees a string with another alignment than in
// the allocation, so the alignment is not passed on; no part of a JSON tree needs more than the
// default alignment.
class WipingResource final : public json::memory_resource {
  void* do_allocate(std::size_t size, std::size_t alignment) override {
    AGENT_SECRETS_ASSERT(alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
    return ::operator new(size);
  }
  void do_deallocate(void* memory, std::size_t size, std::size_t) override {
    wipe_memory(memory, size);
    ::operator delete(memory);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

std::unexpected<Error> invalid(std::string_view text) {
  return fail(ErrorCode::invalid, std::string(text));
}

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

const json::string* find_text(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains({name.data(), name.size()});
  return found == nullptr ? nullptr : found->if_string();
}

bool has(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains({name.data(), name.size()});
  return found != nullptr && !found->is_null();
}

Result<SecretPair> parse_pair(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr) return invalid("Each entry of secrets must be an object");
  const json::string* key = find_text(*object, "secretKey");
  const json::string* secret = find_text(*object, "secretValue");
  if (key == nullptr || key->empty()) return invalid("secretKey must be a non-empty string");
  if (secret == nullptr) {
    return invalid("secretValue of " + std::string(view(*key)).substr(0, limits::kKeyNameMax) +
                   " must be a string");
  }
  return SecretPair{.key = std::string(view(*key)), .value = SecretBuffer::copy_of(view(*secret))};
}

// Clients send base64 of `user:token`. An old CLI with --encode sends it raw. The raw form always
// has a colon; base64 never has one.
SecretBuffer base64_credentials(std::string_view sent) {
  if (sent.find(':') == std::string_view::npos) return SecretBuffer::copy_of(sent);
  SecretBuffer encoded(sodium_base64_encoded_len(sent.size(), sodium_base64_VARIANT_ORIGINAL));
  sodium_bin2base64(reinterpret_cast<char*>(encoded.expose().data()), encoded.size(),
                    reinterpret_cast<const unsigned char*>(sent.data()), sent.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  encoded.truncate(encoded.size() - 1);  // without the NUL
  return encoded;
}

Result<void> parse_image_pull_secret(const json::object& body, WriteSet& write) {
  const json::string* host = find_text(body, "host");
  const json::string* secret = find_text(body, "secretValue");
  if (host == nullptr || host->empty() || secret == nullptr || secret->empty()) {
    return invalid(kIncompleteImagePullSecret);
  }
  if (host->size() > limits::kRegistryHostMax) {
    return invalid("host must be a string of at most " + std::to_string(limits::kRegistryHostMax) +
                   " bytes");
  }
  write.type = SetType::image_pull_secret;
  write.quiet_period = false;  // the set is complete in one write
  write.host = view(*host);
  if (!write.host.ends_with('/')) write.host += '/';
  write.pairs.push_back(
      {.key = std::string(kImagePullKey), .value = base64_credentials(view(*secret))});
  return {};
}

Result<void> parse_array(const json::value& secrets, WriteSet& write) {
  const json::array* entries = secrets.if_array();
  if (entries == nullptr || entries->empty()) {
    return invalid("secrets must be an array of at least one entry");
  }
  if (entries->size() > limits::kKeysPerSet) return invalid("secrets has too many entries");
  write.quiet_period = false;
  for (const json::value& entry : *entries) {
    auto pair = parse_pair(entry);
    if (!pair) return propagate(pair);
    write.pairs.push_back(std::move(*pair));
  }
  return {};
}

Result<void> parse_members(const json::object& body, WriteSet& write) {
  if (has(body, "region")) {
    const json::string* region = find_text(body, "region");
    if (region == nullptr) return invalid("region must be a string");
    write.region = std::string(view(*region));
  }
  const json::value* image_pull = body.if_contains("isImagePullSecret");
  if (image_pull != nullptr && !image_pull->is_bool() && !image_pull->is_null()) {
    return invalid("isImagePullSecret must be true or false");
  }
  if (image_pull != nullptr && image_pull->is_bool() && image_pull->get_bool()) {
    return parse_image_pull_secret(body, write);
  }
  if (has(body, "secrets")) return parse_array(body.at("secrets"), write);
  if (!has(body, "secretKey")) return invalid(kInvalidFormat);
  auto pair = parse_pair(body);
  if (!pair) return propagate(pair);
  write.pairs.push_back(std::move(*pair));
  return {};
}

Result<void> parse_body(std::string_view text, WriteSet& write) {
  WipingResource resource;
  const json::storage_ptr storage(&resource);
  json::stream_parser parser(storage);
  parser.reset(storage);
  boost::system::error_code error;
  parser.write(text.data(), text.size(), error);
  if (!error) parser.finish(error);
  if (error) return invalid("The request body is not valid JSON");
  const json::value body = parser.release();
  if (!body.is_object()) return invalid("The request body must be a JSON object");
  // A copy of the object could use other storage, which is not wiped, so pass a reference.
  return parse_members(body.get_object(), write);
}

}  // namespace

Result<WriteSet> parse_write_set(std::string_view set_name, std::string_view body) {
  WriteSet write;
  write.name = set_name;
  auto parsed = parse_body(body, write);
  sodium_stackzero(kParserStack);
  if (!parsed) return propagate(parsed);
  return write;
}

}  // namespace agent_secrets::control_plane
