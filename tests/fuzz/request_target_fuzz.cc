// The path and query of a request line. What is accepted can be written with every byte escaped,
// and then means the same.
// Parser: control-plane/http/target.cc
#include <string>

#include <fmt/format.h>

#include "control-plane/http/target.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;
using control_plane::Request;

namespace {

std::string escaped(std::string_view text) {
  std::string all;
  for (const char c : text) all += fmt::format("%{:02x}", static_cast<unsigned char>(c));
  return all;
}

std::string written(const Request& request) {
  std::string target;
  for (const auto& segment : request.segments) target += '/' + escaped(segment);
  if (target.empty()) target = "/";
  char separator = '?';
  for (const auto& [name, value] : request.query) {
    target += separator + escaped(name) + '=' + escaped(value);
    separator = '&';
  }
  return target;
}

void check(const Request& request) {
  for (const auto& segment : request.segments) {
    AGENT_SECRETS_ASSERT(fuzz::has_no_control(segment) && segment != "." && segment != "..");
  }
  for (const auto& [name, value] : request.query) {
    AGENT_SECRETS_ASSERT(!name.empty() && fuzz::has_no_control(name) &&
                         fuzz::has_no_control(value));
  }
  Request again;
  AGENT_SECRETS_ASSERT(control_plane::parse_target(written(request), again));
  AGENT_SECRETS_ASSERT(again.segments == request.segments && again.query == request.query);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto target = fuzz::text(data, size);
  Request request;
  if (!control_plane::parse_target(target, request)) return 0;
  AGENT_SECRETS_ASSERT(request.target == target && target.front() == '/');
  check(request);
  return 0;
}
