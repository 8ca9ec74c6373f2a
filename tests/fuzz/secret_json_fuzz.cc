// The body of a write of secrets. A second parse, by Boost.JSON's plain parser, must give the same
// values: none is cut, none is made up, and only a well-formed body writes anything.
// Parser: control-plane/rest-api/secret_json.cc
#include <boost/json/parse.hpp>

#include "control-plane/rest-api/secret_json.h"
#include "core/limits.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;
using namespace agent_secrets::control_plane;

namespace {

namespace json = boost::json;

void check_pair(const SecretPair& pair, const json::value& entry) {
  AGENT_SECRETS_ASSERT(!pair.key.empty() && entry.at("secretKey").as_string() == pair.key);
  AGENT_SECRETS_ASSERT(entry.at("secretValue").as_string() == pair.value.expose_text());
}

void check_image_pull_secret(const WriteSet& write, const json::value& body) {
  AGENT_SECRETS_ASSERT(body.at("isImagePullSecret").as_bool());
  AGENT_SECRETS_ASSERT(write.pairs.size() == 1 && write.host.ends_with('/'));
  AGENT_SECRETS_ASSERT(write.pairs[0].value.expose_text().find(':') == std::string_view::npos);
}

void check(const WriteSet& write, const json::value& body) {
  if (write.type == SetType::image_pull_secret) return check_image_pull_secret(write, body);
  AGENT_SECRETS_ASSERT(!write.pairs.empty() && write.pairs.size() <= limits::kKeysPerSet);
  if (write.quiet_period) {
    AGENT_SECRETS_ASSERT(write.pairs.size() == 1);
    return check_pair(write.pairs[0], body);
  }
  const json::array& entries = body.at("secrets").as_array();
  AGENT_SECRETS_ASSERT(entries.size() == write.pairs.size());
  for (std::size_t i = 0; i < entries.size(); ++i) check_pair(write.pairs[i], entries[i]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto body = fuzz::text(data, size);
  const auto write = parse_write_set("keys", body);
  if (!write) {
    AGENT_SECRETS_ASSERT(write.error().code == ErrorCode::invalid);
    return 0;
  }
  boost::system::error_code error;
  const json::value again = json::parse({body.data(), body.size()}, error);
  AGENT_SECRETS_ASSERT(!error);
  check(*write, again);
  return 0;
}
