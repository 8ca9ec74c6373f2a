// expected: Cannot format an argument|deleted .*fallback_formatter
#include <string>

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include "core/secret_buffer.h"

std::string forbidden(const agent_secrets::SecretBuffer& secret) {
  return fmt::format("{}", secret);
}
