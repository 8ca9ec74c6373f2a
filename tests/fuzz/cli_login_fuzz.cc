// The official CLI's file is one that a person may edit. What is read of it goes into a header and
// a URL.
// Parser: injector/cli_login.cc
#include "injector/cli_login.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;

namespace {

// A string of one line, as it stands in the text.
void check_string(std::string_view content, std::string_view text) {
  AGENT_SECRETS_ASSERT(content.find_first_of("\n\\") == std::string_view::npos);
  AGENT_SECRETS_ASSERT(content.empty() || text.find(content) != std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text(data, size);
  const auto login = parse_cli_login(text, "file");
  if (!login) {
    AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(login.error()));
    AGENT_SECRETS_ASSERT(login.error().message.starts_with("file:"));
    return 0;
  }
  check_string(login->token, text);
  check_string(login->organization, text);
  return 0;
}
